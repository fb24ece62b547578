internal import AsyncIO
internal import AsyncIOSystem
internal import Glibc
internal import SystemPackage

/// Performs the file requests of a simulated host. Its descriptors have numbers that the operating system does not use.
final class DiskEngine: SimulatedFiles {
    private unowned let disk: SimulatedDisk
    private unowned let network: Network
    private var files: [Int32: OpenFile] = [:]
    private var nextDescriptor: Int32 = 1 << 30
    private var replacementCount = 0

    private struct OpenFile {
        let file: SimulatedFile
        let flags: Int32
        var position = 0
    }

    init(for disk: SimulatedDisk, in network: Network) {
        self.disk = disk
        self.network = network
    }

    // MARK: Requests

    func start(_ operation: FileOperation) {
        let run = network.currentRun
        // A killed program gets no answer.
        if run.isDead { return }
        let loop = EventLoop.current ?? network.loop
        network.loop.call(at: network.now + delay(of: operation.request)) { [self] in
            guard !run.isDead, !operation.isDone else { return }
            operation.request.result = result { () throws(Errno) in try perform(operation.request) }
            loop.inside { run.perform { operation.end() } }
        }
    }

    func cancel(_ operation: FileOperation) {
        if operation.request.revoke() { operation.end() }
    }

    private func delay(of request: FileRequest) -> Int64 {
        var delay = disk.latencyRange.sample(using: &network.random)
        let isSynced =
            switch request.action {
            case .sync, .replace(_, sync: true), .endReplacement(_, sync: true): true
            default: false
            }
        if isSynced { delay += disk.syncLatencyRange.sample(using: &network.random) }
        return delay
    }

    private func result(_ body: () throws(Errno) -> Int) -> Int {
        do { return try body() } catch { return -Int(error.rawValue) }
    }

    private func perform(_ request: FileRequest) throws(Errno) -> Int {
        if let error = disk.error { throw error }
        switch request.action {
        case .open(let flags, _): return Int(open(try file(at: name(request.path), flags), flags))
        case .read(let descriptor, let offset):
            let bytes = try read(descriptor, unsafe request.memory.count, at: offset)
            // SAFETY: the memory has room for all bytes.
            unsafe request.memory.copyBytes(from: bytes)
            return bytes.count
        case .write(let descriptor, let offset):
            // SAFETY: the request owns the memory.
            return try write(descriptor, unsafe Array(request.memory), at: offset)
        case .sync(let descriptor, _):
            disk.sync(try opened(descriptor).file)
            return 0
        case .truncate(let descriptor, let size):
            try opened(descriptor).file.truncate(to: Int(size))
            return 0
        case .close(let descriptor):
            close(descriptor)
            return 0
        case .replace(_, let sync):
            // SAFETY: the request owns the memory.
            let bytes = unsafe Array(request.memory)
            try checkRoom(for: bytes.count)
            return replace(name(request.path), with: SimulatedFile(bytes), sync)
        case .beginReplacement:
            replacementCount += 1
            let target = name(request.path)
            let temporary = "\(target).asyncio-\(replacementCount)"
            request.replacement = FileReplacement(
                target: Array(target.utf8CString), temporary: Array(temporary.utf8CString))
            let file = SimulatedFile()
            disk.names[temporary] = file
            return Int(open(file, OpenFlags.readAndWrite))
        case .endReplacement(let replacement, let sync):
            guard let file = disk.names.removeValue(forKey: name(replacement.temporary)) else {
                throw .noSuchFileOrDirectory
            }
            return replace(name(replacement.target), with: file, sync)
        case .abandonReplacement(let replacement):
            disk.names[name(replacement.temporary)] = nil
            return 0
        }
    }

    // MARK: Names

    private func name(_ path: [CChar]) -> String {
        let bytes = path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return SimulatedDisk.normalized(String(decoding: bytes, as: UTF8.self))
    }

    private func file(at name: String, _ flags: Int32) throws(Errno) -> SimulatedFile {
        if let file = disk.names[name] {
            if flags & OpenFlags.exclusive != 0 { throw .fileExists }
            if flags & OpenFlags.truncate != 0 { file.truncate(to: 0) }
            return file
        }
        guard flags & OpenFlags.create != 0 else { throw .noSuchFileOrDirectory }
        let file = SimulatedFile()
        disk.names[name] = file
        return file
    }

    private func replace(_ name: String, with file: SimulatedFile, _ isSynced: Bool) -> Int {
        disk.names[name] = file
        if isSynced { disk.sync(file) }
        return 0
    }

    // MARK: Descriptors

    private func open(_ file: SimulatedFile, _ flags: Int32) -> Int32 {
        nextDescriptor += 1
        files[nextDescriptor] = OpenFile(file: file, flags: flags)
        return nextDescriptor
    }

    private func opened(_ descriptor: Int32) throws(Errno) -> OpenFile {
        guard let file = files[descriptor] else { throw .badFileDescriptor }
        return file
    }

    private func read(_ descriptor: Int32, _ count: Int, at offset: Int64) throws(Errno) -> ArraySlice<UInt8> {
        let open = try opened(descriptor)
        if open.flags & O_ACCMODE == OpenFlags.write { throw .badFileDescriptor }
        let content = open.file.content
        let start = min(offset < 0 ? open.position : Int(offset), content.count)
        let bytes = content[start..<min(start + count, content.count)]
        if offset < 0 { files[descriptor]?.position = start + bytes.count }
        return bytes
    }

    private func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws(Errno) -> Int {
        let open = try opened(descriptor)
        if open.flags & O_ACCMODE == OpenFlags.read { throw .badFileDescriptor }
        let size = open.file.content.count
        let start = open.flags & OpenFlags.append != 0 ? size : offset < 0 ? open.position : Int(offset)
        try checkRoom(for: max(0, start + bytes.count - size))
        open.file.write(bytes, at: start)
        if offset < 0 { files[descriptor]?.position = start + bytes.count }
        return bytes.count
    }

    private func checkRoom(for count: Int) throws(Errno) {
        if let capacity = disk.capacity, disk.size + count > capacity { throw .noSpace }
    }

    var openCount: Int { files.count }
    func closeAll() { files = [:] }

    // MARK: Requests that do not block

    func facts(of descriptor: Int32) throws(Errno) -> FileFacts {
        FileFacts(regularFileOf: try opened(descriptor).file.content.count)
    }

    func close(_ descriptor: Int32) { files[descriptor] = nil }
}
