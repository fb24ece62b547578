internal import CShims
internal import Glibc
package import SystemPackage

/// The two ends of the channel through which a tool looks into a program: a Unix socket
/// named after the process, in a directory that only its user may enter. Blocking.
package final class InspectionChannel: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { _ = asyncio_close(descriptor) }

    // MARK: Places

    /// The directories in which a user's programs may have their sockets.
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

    /// Listens for tools. Returns the socket's path too.
    package static func listen() throws(Errno) -> (InspectionChannel, path: String) {
        let directories = directories(ofUser: geteuid())
        var error = Errno.noSuchFileOrDirectory
        for directory in directories {
            let result = unsafe asyncio_private_directory(directory)
            guard result == 0 else {
                error = Errno(rawValue: -result)
                continue
            }
            let path = path(in: directory, of: getpid())
            return (InspectionChannel(try check(unsafe asyncio_inspection_listen(path))), path)
        }
        throw error
    }

    package func accept() throws(Errno) -> InspectionChannel {
        InspectionChannel(try check(asyncio_inspection_accept(descriptor)))
    }

    package static func remove(_ path: String) { _ = unsafe unlink(path) }

    // MARK: The tool's end

    package enum ConnectError: Error {
        case noSuchProcess
        /// It is this user's.
        case notPermitted(user: UInt32)
        case takesNoPart
        /// Another process listens in its place: this one, of this user.
        case impostor(process: Int32, user: UInt32)
        case other(Errno)
    }

    /// Connects to a process, and to no other: the kernel tells who listens.
    package static func connect(to process: Int32) throws(ConnectError) -> InspectionChannel {
        let owner = asyncio_process_owner(process)
        guard owner >= 0 else { throw .noSuchProcess }
        let user = UInt32(owner)
        if geteuid() != 0, user != geteuid() { throw .notPermitted(user: user) }
        var failure: ConnectError?
        // A program may see another /tmp than this one.
        let directories = directories(ofUser: user)
        for directory in directories + directories.map({ "/proc/\(process)/root" + $0 }) {
            var (peer, peersUser): (Int32, UInt32) = (0, 0)
            // SAFETY: the two are there while the call lasts.
            let result = unsafe asyncio_inspection_connect(path(in: directory, of: process), &peer, &peersUser)
            if result >= 0 {
                let channel = InspectionChannel(result)
                // A process that keeps its memory to itself is root's in /proc.
                if peer == process, peersUser == user || user == 0 { return channel }
                failure = .impostor(process: peer, user: peersUser)
                continue
            }
            switch Errno(rawValue: -result) {
            case .noSuchFileOrDirectory, .connectionRefused, .notDirectory: break
            case .permissionDenied, .notPermitted: failure = failure ?? .notPermitted(user: user)
            case let error: failure = failure ?? .other(error)
            }
        }
        throw failure ?? .takesNoPart
    }

    // MARK: Both

    /// A line, without its end; nil if none came in that many milliseconds, or the other is
    /// gone.
    package func readLine(within milliseconds: Int64) -> String? {
        let deadline = Deadline(in: milliseconds)
        var bytes: [UInt8] = []
        // A list of tasks' numbers may be long.
        while bytes.count < 65_536 {
            var byte: UInt8 = 0
            // SAFETY: one byte of room.
            guard unsafe asyncio_inspection_read(descriptor, &byte, 1, deadline.millisecondsLeft) == 1 else {
                return nil
            }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    package enum ReadError: Error {
        /// It has not come to its end in time.
        case tooSlow
        case tooLong
        /// The other is gone, and has said nothing.
        case ended
    }

    /// All until the other closes.
    package func readAll(within milliseconds: Int64, limit: Int) throws(ReadError) -> [UInt8] {
        let deadline = Deadline(in: milliseconds)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the chunk has that many bytes of room.
            let count = unsafe asyncio_inspection_read(descriptor, &chunk, chunk.count, deadline.millisecondsLeft)
            if count == -Int(ETIMEDOUT) { throw .tooSlow }
            // Who sends others away does not read what they want.
            if count < 0, bytes.isEmpty { throw .ended }
            if count <= 0 { return bytes }
            bytes += chunk[..<Int(count)]
            if bytes.count > limit { throw .tooLong }
        }
    }

    /// False if the other did not take it in that many milliseconds, or is gone.
    package func write(_ text: String, within milliseconds: Int64) -> Bool {
        let deadline = Deadline(in: milliseconds)
        var text = text
        return text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                // SAFETY: the bytes from `sent` on are there while the call lasts.
                let count = unsafe asyncio_inspection_write(
                    descriptor, bytes.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent,
                    deadline.millisecondsLeft)
                if count < 0 { return false }
                sent += Int(count)
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

/// Runs `body` when the process ends by `exit` or by returning from `main`.
package func atEndOfProcess(_ body: @escaping @Sendable () -> Void) {
    let isFirst = endings.withLock { endings in
        endings.append(body)
        return endings.count == 1
    }
    if isFirst {
        let process = getpid()
        endingProcess.withLock { $0 = process }
        // A child that was forked has them too, and they are not for it.
        atexit {
            guard endingProcess.withLock({ $0 }) == getpid() else { return }
            for body in endings.withLock({ $0 }) { body() }
        }
    }
}

private let endings = Guarded<[@Sendable () -> Void]>([])
private let endingProcess = Guarded<Int32>(0)

/// This process, for reports.
package enum ThisProcess {
    package static var id: Int32 { getpid() }

    /// Writes to standard error.
    package static func complain(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                // SAFETY: the bytes from `sent` on are there while the call lasts.
                let count = unsafe Glibc.write(
                    STDERR_FILENO, bytes.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent)
                // What standard error does not take is lost.
                if count < 0, errno != EINTR { return }
                sent += max(0, count)
            }
        }
    }

    /// The program's name, from its path.
    package static var name: String {
        // SAFETY: the C library's text, which does not change.
        unsafe String(cString: asyncio_program_name())
    }
}
