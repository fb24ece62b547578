internal import CShims
internal import Glibc
package import SystemPackage

/// A stream socket.
package final class Socket: ByteDescriptor {
    // MARK: Making one

    package convenience init(for address: SystemAddress) throws(Errno) {
        self.init(owning: try check(asyncio_socket(address.family, Int32(SOCK_STREAM.rawValue), 0)))
    }

    /// A socket that listens on `address`.
    package static func listening(
        on address: SystemAddress, backlog: Int, reusePort: Bool
    ) throws(Errno) -> Socket {
        let socket = try Socket(for: address)
        try socket.set(SOL_SOCKET, SO_REUSEADDR, 1)
        if reusePort { try socket.set(SOL_SOCKET, SO_REUSEPORT, 1) }
        if address.isIPv6 { try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        // SAFETY: the kernel reads as many bytes as it is told the array has.
        _ = try unsafe check(asyncio_bind(socket.descriptor, address.bytes, socklen_t(address.bytes.count)))
        _ = try check(asyncio_listen(socket.descriptor, Int32(clamping: backlog)))
        return socket
    }

    // MARK: Connecting

    /// Starts to connect. False if the outcome comes later: when the socket is
    /// writable, `connectionError` tells it.
    package func connect(to address: SystemAddress) throws(Errno) -> Bool {
        // SAFETY: as in `listening`.
        let result = unsafe asyncio_connect(descriptor, address.bytes, socklen_t(address.bytes.count))
        let error = Errno(rawValue: -result)
        if result < 0, error == .nowInProgress || error == .interrupted { return false }
        _ = try check(result)
        return true
    }

    package var connectionError: Errno? {
        let error = asyncio_socket_error(descriptor)
        return error == 0 ? nil : Errno(rawValue: error)
    }

    package func accept() throws(Errno) -> (Socket, SystemAddress) {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        let accepted = try unsafe check(asyncio_accept(descriptor, &address, &length))
        return (Socket(owning: accepted), SystemAddress(address, length: length))
    }

    // MARK: Bytes

    package override func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
        try unsafe check(asyncio_recv(descriptor, buffer.baseAddress, buffer.count))
    }

    package override func send(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
        try unsafe check(asyncio_send(descriptor, buffer.baseAddress, buffer.count))
    }

    // MARK: Ending

    package func shutdownWrite() throws(Errno) { _ = try check(asyncio_shutdown_write(descriptor)) }

    // MARK: Facts and options

    package var localAddress: SystemAddress? {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        guard unsafe asyncio_sockname(descriptor, &address, &length) == 0 else { return nil }
        return SystemAddress(address, length: length)
    }

    package var peerAddress: SystemAddress? {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        guard unsafe asyncio_peername(descriptor, &address, &length) == 0 else { return nil }
        return SystemAddress(address, length: length)
    }

    package func setNoDelay() throws(Errno) { try set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(Errno) {
        _ = try check(asyncio_setsockopt(descriptor, level, option, value))
    }
}
