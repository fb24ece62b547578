internal import CShims
internal import Glibc
package import SystemPackage

/// The two ends of the channel through which a tool inspects a program. The channel is a Unix socket named after the
/// process, in a directory that only the user of the process can enter. The calls block.
package final class InspectionChannel: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { closeOnce(descriptor) }

    // MARK: Paths

    /// The directories that can contain the sockets of a user's programs.
    package static func directories(ofUser user: UInt32) -> [String] {
        let own = value(of: "XDG_RUNTIME_DIR").map { [$0 + "/asyncio"] } ?? []
        return (user == geteuid() ? own : []) + ["/run/user/\(user)/asyncio", "/tmp/asyncio-\(user)"]
    }

    private static func value(of name: String) -> String? {
        // SAFETY: the text is copied at once.
        guard let value = unsafe getenv(name), unsafe value[0] != 0 else { return nil }
        return unsafe String(cString: value)
    }

    private static func path(in directory: String, of process: Int32) -> String { "\(directory)/\(process).socket" }

    // MARK: The program's end

    /// Listens for tools. Returns the channel and the path of the socket.
    package static func listen() throws(Errno) -> (InspectionChannel, path: String) {
        let directories = directories(ofUser: geteuid())
        var error = Errno.noSuchFileOrDirectory
        for directory in directories {
            if let failure = InspectionSocket.prepareDirectory(directory) {
                error = failure
                continue
            }
            let path = path(in: directory, of: getpid())
            return (InspectionChannel(try InspectionSocket.listen(at: path)), path)
        }
        throw error
    }

    package func accept() throws(Errno) -> InspectionChannel {
        InspectionChannel(try InspectionSocket.accept(from: descriptor))
    }

    package static func remove(_ path: String) { _ = unsafe unlink(path) }

    // MARK: The tool's end

    package enum ConnectError: Error {
        case noSuchProcess
        /// The process belongs to the given user.
        case notPermitted(user: UInt32)
        case takesNoPart
        /// Another process, which belongs to the given user, listens at the path.
        case impostor(process: Int32, user: UInt32)
        case other(Errno)
    }

    /// The IDs of this user's processes that listen for tools, in ascending order.
    package static func processes() -> [Int32] {
        let names = directories(ofUser: geteuid()).flatMap(names(in:)).filter { $0.hasSuffix(".socket") }
        let candidates = Set(names.compactMap { Int32($0.dropLast(".socket".count)) })
        // A program that was killed leaves its socket behind, and another process can have its ID.
        return candidates.sorted().filter { (try? connect(to: $0)) != nil }
    }

    private static func names(in directory: String) -> [String] {
        // SAFETY: the stream is closed here, and each entry is read before the next call.
        guard let stream = unsafe opendir(directory) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            unsafe withUnsafePointer(to: &entry.pointee.d_name) { name in
                unsafe name.withMemoryRebound(to: CChar.self, capacity: 256) { text in
                    unsafe names.append(String(cString: text))
                }
            }
        }
        return names
    }

    /// Connects to the given process and to no other process. The kernel reports which process listens.
    package static func connect(to process: Int32) throws(ConnectError) -> InspectionChannel {
        // SAFETY: the path is a string, which ends with a zero.
        guard let user = (try? unsafe FileStatus(at: "/proc/\(process)"))?.owner else { throw .noSuchProcess }
        if geteuid() != 0, user != geteuid() { throw .notPermitted(user: user) }
        var failure: ConnectError?
        // A program in a container may have its own /tmp.
        let directories = directories(ofUser: user)
        for directory in directories + directories.map({ "/proc/\(process)/root" + $0 }) {
            do throws(Errno) {
                let (descriptor, peer) = try InspectionSocket.connect(to: path(in: directory, of: process))
                let channel = InspectionChannel(descriptor)
                // In /proc, root owns the directory of a process that protects its memory.
                if peer.process == process, peer.user == user || user == 0 { return channel }
                failure = .impostor(process: peer.process, user: peer.user)
            } catch {
                switch error {
                case .noSuchFileOrDirectory, .connectionRefused, .notDirectory: break
                case .permissionDenied, .notPermitted: failure = failure ?? .notPermitted(user: user)
                default: failure = failure ?? .other(error)
                }
            }
        }
        throw failure ?? .takesNoPart
    }

    // MARK: Both ends

    /// Reads a line and returns it without its newline, or returns nil if no line arrived within the time limit or the
    /// other end was closed.
    package func readLine(within milliseconds: Int64) -> String? {
        let deadline = Deadline(in: milliseconds)
        var bytes: [UInt8] = []
        var byte: [UInt8] = [0]
        // A list of task numbers can be long.
        while bytes.count < 65_536 {
            let count = try? InspectionSocket.read(descriptor, into: &byte, within: deadline.millisecondsLeft)
            guard count == 1 else { return nil }
            if byte == [UInt8(ascii: "\n")] { return String(decoding: bytes, as: UTF8.self) }
            bytes += byte
        }
        return nil
    }

    package enum ReadError: Error {
        /// The data did not end within the time limit.
        case tooSlow
        case tooLong
        /// The other end was closed without sending anything.
        case ended
    }

    /// Reads until the other end is closed.
    package func readAll(within milliseconds: Int64, limit: Int) throws(ReadError) -> [UInt8] {
        let deadline = Deadline(in: milliseconds)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count: Int
            do throws(Errno) {
                count = try InspectionSocket.read(descriptor, into: &chunk, within: deadline.millisecondsLeft)
            } catch {
                if error == .timedOut { throw .tooSlow }
                // A peer that rejects a client closes without reading its request.
                if bytes.isEmpty { throw .ended }
                return bytes
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            if bytes.count > limit { throw .tooLong }
        }
    }

    /// Writes the text. Returns false if the other end did not accept the text within the time limit, or was closed.
    package func write(_ text: String, within milliseconds: Int64) -> Bool {
        let deadline = Deadline(in: milliseconds)
        var text = text
        return text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                // SAFETY: the bytes from `sent` on are valid during the call.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[sent...])
                let count = try? unsafe InspectionSocket.write(descriptor, rest, within: deadline.millisecondsLeft)
                guard let count else { return false }
                sent += count
            }
            return true
        }
    }

    private struct Deadline {
        private let end: Int64

        init(in milliseconds: Int64) { end = SystemClock.now() + milliseconds * 1_000_000 }

        var millisecondsLeft: Int32 { Int32(clamping: max(0, (end - SystemClock.now() + 999_999) / 1_000_000)) }
    }
}

/// Runs `body` when the process calls `exit` or returns from `main`.
package func atEndOfProcess(_ body: @escaping @Sendable () -> Void) {
    let isFirst = endings.withLock { endings in
        endings.append(body)
        return endings.count == 1
    }
    if isFirst {
        let process = getpid()
        endingProcess.withLock { $0 = process }
        // A forked child inherits the handlers, but should not run them.
        atexit {
            guard endingProcess.withLock({ $0 }) == getpid() else { return }
            for body in endings.withLock({ $0 }) { body() }
        }
    }
}

private let endings = Guarded<[@Sendable () -> Void]>([])
private let endingProcess = Guarded<Int32>(0)

/// Facts about this process, for reports.
package enum ThisProcess {
    package static var id: Int32 { getpid() }

    /// Writes to standard error.
    package static func complain(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                // SAFETY: the bytes from `sent` on are valid during the call.
                let count = unsafe Glibc.write(
                    STDERR_FILENO, bytes.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent)
                // If standard error does not accept the text, the text is lost.
                if count == 0 || count < 0 && errno != EINTR { return }
                sent += max(0, count)
            }
        }
    }

    /// The program's name, taken from the path with which the program was started.
    package static var name: String {
        let path = ProcessEnvironment.arguments.first ?? []
        let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        return String(decoding: path[start...], as: UTF8.self)
    }
}
