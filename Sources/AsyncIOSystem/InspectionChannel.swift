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
        case other(Errno)
    }

    package static func connect(to process: Int32) throws(ConnectError) -> InspectionChannel {
        let owner = asyncio_process_owner(process)
        guard owner >= 0 else { throw .noSuchProcess }
        let user = UInt32(owner)
        if geteuid() != 0, user != geteuid() { throw .notPermitted(user: user) }
        var failure: Errno?
        // A program may see another /tmp than this one.
        let directories = directories(ofUser: user)
        for directory in directories + directories.map({ "/proc/\(process)/root" + $0 }) {
            let result = unsafe asyncio_inspection_connect(path(in: directory, of: process))
            if result >= 0 { return InspectionChannel(result) }
            let error = Errno(rawValue: -result)
            if error != .noSuchFileOrDirectory, error != .connectionRefused, error != .notDirectory { failure = error }
        }
        if let failure {
            throw failure == .permissionDenied || failure == .notPermitted ? .notPermitted(user: user) : .other(failure)
        }
        throw .takesNoPart
    }

    // MARK: Both

    /// A line, without its end; nil if none came in time, or the other is gone.
    package func readLine(timeout milliseconds: Int32) -> String? {
        var bytes: [UInt8] = []
        while bytes.count < 4096 {
            var byte: UInt8 = 0
            // SAFETY: one byte of room.
            guard unsafe asyncio_inspection_read(descriptor, &byte, 1, milliseconds) == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    /// All until the other closes; nil if nothing comes in time, or the other is gone.
    package func readAll(timeout milliseconds: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the chunk has that many bytes of room.
            let count = unsafe asyncio_inspection_read(descriptor, &chunk, chunk.count, milliseconds)
            if count < 0 { return nil }
            if count == 0 { return bytes }
            bytes += chunk[..<Int(count)]
        }
    }

    /// False if the other took it not in time, or is gone.
    package func write(_ text: String) -> Bool {
        var text = text
        // SAFETY: the bytes are there while the call lasts.
        return text.withUTF8 { bytes in
            unsafe asyncio_inspection_write(descriptor, bytes.baseAddress, bytes.count, 5_000) == 0
        }
    }
}

/// Runs `body` when the process ends by `exit` or by returning from `main`.
package func atEndOfProcess(_ body: @escaping @Sendable () -> Void) {
    let isFirst = endings.withLock { endings in
        endings.append(body)
        return endings.count == 1
    }
    if isFirst { atexit { for body in endings.withLock({ $0 }) { body() } } }
}

private let endings = Guarded<[@Sendable () -> Void]>([])

/// This process, for reports.
package enum ThisProcess {
    package static var id: Int32 { getpid() }

    /// Writes to standard error.
    package static func complain(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            // SAFETY: the bytes are there while the call lasts. What does not fit is lost.
            _ = unsafe Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }

    /// The program's name, from its path.
    package static var name: String {
        // SAFETY: the C library's text, which does not change.
        unsafe String(cString: asyncio_program_name())
    }
}
