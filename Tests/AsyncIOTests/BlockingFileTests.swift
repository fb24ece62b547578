import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import Testing

/// Operations that may never end (on pipes, terminals, and devices) do not delay others.
@Suite struct BlockingFileTests {
    private let directory: Directory

    init() throws { directory = try Directory() }

    /// More than there are threads in the pool or workers of a ring.
    private static let many = 48

    private func run(_ backend: FileBackend, _ body: @escaping @MainActor () async throws -> Void) throws {
        try atTopLevel {
            try AsyncIO.run {
                try EventLoop.running.useFileBackend(backend)
                try await body()
            }
        }
    }

    /// The threads that wait in place of a file.
    private var threadsAside: Int {
        var count = 0
        guard let tasks = opendir("/proc/self/task") else { return -1 }
        defer { closedir(tasks) }
        while let entry = readdir(tasks) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let file = open("/proc/self/task/\(name)/comm", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { continue }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 32)
            let length = read(file, &bytes, 32)
            if length > 0, String(decoding: bytes[..<(length - 1)], as: UTF8.self) == "asyncio_file" { count += 1 }
        }
        return count
    }

    @Test(arguments: FileBackend.available)
    func openingsThatWereGivenUpLeaveNoThread(backend: FileBackend) throws {
        mkfifo(directory("pipe"), 0o600)
        try directory.make("file", Array("text".utf8))
        try run(backend) {
            for _ in 0..<Self.many {
                let opening = createTask { try await openFile(directory("pipe")) }
                for _ in 0..<3 { try await sleep(.zero) }
                opening.cancel()
                await #expect(throws: CancellationError.self) { _ = try await opening.value }
            }
            #expect(try await toThread { 1 } == 1)
            #expect(try await readFile(directory("file")).count == 4)
            while threadsAside > 0 { try await sleep(.milliseconds(1)) }
        }
    }

    @Test(arguments: FileBackend.available)
    func openingsThatWaitKeepNobodyElseWaiting(backend: FileBackend) throws {
        mkfifo(directory("pipe"), 0o600)
        try directory.make("file", Array("text".utf8))
        try run(backend) {
            let openings = (0..<Self.many).map { _ in createTask { try await openFile(directory("pipe")) } }
            for _ in 0..<3 { try await sleep(.zero) }
            directory.evict("file")
            #expect(try await toThread { 1 } == 1)
            #expect(try await readFile(directory("file")).count == 4)
            try await writeFile(directory("new"), "made")
            #expect(openings.allSatisfy { !$0.isDone })
            // A writer comes, so all of them can be opened.
            let other = open(directory("pipe"), O_RDWR | O_CLOEXEC)
            for opening in openings { try await opening.value.close() }
            close(other)
        }
    }

    @Test(arguments: FileBackend.available)
    func readsThatWaitKeepNobodyElseWaiting(backend: FileBackend) throws {
        mkfifo(directory("pipe"), 0o600)
        try directory.make("file", Array("text".utf8))
        try run(backend) {
            let other = open(directory("pipe"), O_RDWR | O_CLOEXEC)
            defer { close(other) }
            let files = try await gather(Array(0..<Self.many)) { _ in try await openFile(directory("pipe")) }
            let reads = files.map { file in createTask { try await file.read(1) } }
            for _ in 0..<3 { try await sleep(.zero) }
            directory.evict("file")
            #expect(try await toThread { 1 } == 1)
            #expect(try await readFile(directory("file")).count == 4)
            reads[0].cancel()
            await #expect(throws: CancellationError.self) { _ = try await reads[0].value }
            let bytes = [UInt8](repeating: 0x78, count: Self.many)
            #expect(write(other, bytes, bytes.count) == bytes.count)
            for read in reads.dropFirst() { #expect(try await read.value == [0x78]) }
            for file in files { try await file.close() }
        }
    }

    @Test(arguments: FileBackend.available)
    func aRunEndsAlthoughSomebodyWaitsForAPipe(backend: FileBackend) throws {
        mkfifo(directory("pipe"), 0o600)
        try run(backend) {
            for _ in 0..<Self.many { createTask { try await openFile(directory("pipe")) } }
            for _ in 0..<3 { try await sleep(.zero) }
        }
    }

    @Test(arguments: FileBackend.available)
    func devicesAreReadAsBefore(backend: FileBackend) throws {
        try run(backend) {
            try await withFile("/dev/zero") { file in
                let bytes = try await file.read(100_000)
                #expect(bytes.count == 100_000 && bytes.allSatisfy { $0 == 0 })
            }
            try await withFile("/dev/null", .write) { try await $0.write([1, 2, 3]) }
            let nothing = try await readFile("/dev/null")
            #expect(nothing.isEmpty)
        }
    }
}
