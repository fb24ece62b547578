internal import CShims
internal import Glibc
internal import SystemPackage

/// The sockets of inspection channels: Unix sockets in a directory that belongs to the user. The calls block and are
/// made on dedicated threads. Calls that depend on the other end have time limits.
enum InspectionSocket {
    /// A process and its user.
    typealias Peer = (process: Int32, user: UInt32)

    /// Creates a directory that only its owner can enter. If the path exists, the method checks that it is a directory
    /// of this user, is not a link, and is not accessible to other users.
    static func prepareDirectory(_ path: String) -> Errno? {
        // SAFETY: here and below, the paths are strings or end with a zero.
        let made = outcome { unsafe mkdir(path, 0o700) }
        if made < 0, made != -EEXIST { return Errno(rawValue: -made) }
        do throws(Errno) {
            let status = try unsafe FileStatus(atLink: path)
            if !status.isDirectory { return .notDirectory }
            return isPrivate(status) ? nil : .notPermitted
        } catch {
            return error
        }
    }

    private static func isPrivate(_ status: FileStatus) -> Bool { status.owner == geteuid() && status.isPrivate }

    // MARK: Addresses

    // Sockets are created and found through their directory's descriptor. Therefore, the checked directory is also the
    // one that is used, and its path can be longer than a socket address.
    private struct Place {
        let directory: Int32
        let address: SystemAddress
        /// The path, with a terminating zero.
        let path: [CChar]

        /// Opens the directory of `path`. Neither the directory nor the socket may be a link.
        init(_ path: String) throws(Errno) {
            guard let slash = path.lastIndex(of: "/") else { throw .fileNameTooLong }
            let (folder, name) = (String(path[..<slash]), path[path.index(after: slash)...])
            // SAFETY: the path is a string, which ends with a zero.
            directory = try attempt {
                unsafe open(folder, Int32(ASYNCIO_O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            }
            let shortPath = Array("/proc/self/fd/\(directory)/\(name)".utf8)
            guard let address = SystemAddress(unixPath: shortPath), let path = address.path else {
                closeOnce(directory)
                throw .fileNameTooLong
            }
            self.address = address
            self.path = path
        }

        func close() { closeOnce(directory) }
    }

    // MARK: The program's end

    /// Listens at a path, and replaces any existing file there. The directory must be private.
    static func listen(at path: String) throws(Errno) -> Int32 {
        let place = try Place(path)
        defer { place.close() }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = try attempt { socket(AF_UNIX, type, 0) }
        do throws(Errno) {
            guard isPrivate(try FileStatus(of: place.directory)) else { throw Errno.notPermitted }
            try? FileIdentity.remove(place.path)
            // SAFETY: the kernel reads as many bytes as the array has.
            _ = try unsafe check(asyncio_bind(descriptor, place.address.bytes, socklen_t(place.address.bytes.count)))
            try attempt { Glibc.listen(descriptor, 16) }
            return descriptor
        } catch {
            closeOnce(descriptor)
            throw error
        }
    }

    /// Waits for a client that belongs to the same user or to root. Other clients are rejected.
    static func accept(from descriptor: Int32) throws(Errno) -> Int32 {
        var (address, length) = (sockaddr_storage(), socklen_t(0))
        while true {
            // SAFETY: the kernel fills the address, which is on this stack.
            let result = unsafe asyncio_accept(descriptor, &address, &length)
            if result == -EINTR || result == -ECONNABORTED { continue }
            let client = try check(result)
            if let user = try? peer(of: client).user, user == geteuid() || user == 0 { return client }
            closeOnce(client)
        }
    }

    // MARK: The tool's end

    /// Connects to a path, and returns the process that listens there.
    static func connect(to path: String) throws(Errno) -> (descriptor: Int32, peer: Peer) {
        let place = try Place(path)
        defer { place.close() }
        // The socket is non-blocking, so that the wait is limited if too many clients are already waiting.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = try attempt { socket(AF_UNIX, type, 0) }
        do throws(Errno) {
            // SAFETY: the path ends with a zero.
            guard try unsafe FileStatus(atLink: place.path).isSocket else { throw Errno.notSocket }
            try connect(descriptor, to: place.address)
            return (descriptor, try peer(of: descriptor))
        } catch {
            closeOnce(descriptor)
            throw error
        }
    }

    private static func connect(_ descriptor: Int32, to address: SystemAddress) throws(Errno) {
        var tries = 0
        while true {
            // SAFETY: the kernel reads as many bytes as the array has.
            let result = unsafe asyncio_connect(descriptor, address.bytes, socklen_t(address.bytes.count))
            if result == -EINTR { continue }
            tries += 1
            guard result == -EAGAIN, tries <= 300 else {
                _ = try check(result)
                return
            }
            Thread.pause(nanoseconds: 10_000_000)
        }
    }

    private static func peer(of descriptor: Int32) throws(Errno) -> Peer {
        var peer: Peer = (0, 0)
        // SAFETY: the function writes to these two numbers.
        _ = try unsafe check(asyncio_peer(descriptor, &peer.process, &peer.user))
        return peer
    }

    // MARK: Both ends

    /// Reads at least one byte, unless the other end was closed, and at most as many bytes as the array has.
    ///
    /// - Throws: `.timedOut` if no data arrived within the time limit.
    static func read(
        _ descriptor: Int32, into bytes: inout [UInt8], within milliseconds: Int32
    ) throws(Errno) -> Int {
        while true {
            try wait(for: POLLIN, descriptor, milliseconds)
            // SAFETY: the kernel writes at most as many bytes as the array has.
            let count = unsafe recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            if errno != EINTR, errno != EAGAIN { throw Errno(rawValue: errno) }
        }
    }

    /// Writes as many bytes as there is room for, and returns their number.
    static func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, within milliseconds: Int32
    ) throws(Errno) -> Int {
        while true {
            try wait(for: POLLOUT, descriptor, milliseconds)
            // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
            let count = unsafe send(
                descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            if errno != EINTR, errno != EAGAIN { throw Errno(rawValue: errno) }
        }
    }

    private static func wait(for events: Int32, _ descriptor: Int32, _ milliseconds: Int32) throws(Errno) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            // SAFETY: the call accesses one entry, which is on this stack.
            let count = unsafe poll(&entry, 1, milliseconds)
            if count > 0 { return }
            if count == 0 { throw .timedOut }
            if errno != EINTR { throw Errno(rawValue: errno) }
        }
    }
}
