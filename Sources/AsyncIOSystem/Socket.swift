internal import CShims
internal import Glibc
package import SystemPackage

/// A stream or datagram socket.
package final class Socket: ByteDescriptor {
    // MARK: Creating

    package convenience init(for address: SystemAddress, isDatagram: Bool = false) throws(Errno) {
        let type = (isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        self.init(owning: try attempt { socket(address.family, Int32(type), 0) })
    }

    /// The options of a listening or datagram socket, which are set before the socket is bound.
    package struct Options: Sendable {
        package var reuseAddress: Bool
        package var reusePort: Bool
        package var keepAlive: Bool
        package var noDelay: Bool
        /// Whether an IPv6 socket also accepts IPv4 connections.
        package var dualStack: Bool

        package init(
            reuseAddress: Bool = true, reusePort: Bool = false, keepAlive: Bool = false, noDelay: Bool = true,
            dualStack: Bool = false
        ) {
            self.reuseAddress = reuseAddress
            self.reusePort = reusePort
            self.keepAlive = keepAlive
            self.noDelay = noDelay
            self.dualStack = dualStack
        }
    }

    /// Creates a stream socket that is bound to `address` and not listening yet.
    package static func bound(to address: SystemAddress, _ options: Options) throws(Errno) -> Socket {
        let socket = try Socket(for: address)
        if address.isInternet {
            if options.reuseAddress { try socket.setReuseAddress() }
            if options.reusePort { try socket.setReusePort() }
            // Accepted sockets inherit these two options.
            if options.keepAlive { try socket.setKeepAlive() }
            if options.noDelay { try socket.setNoDelay() }
        }
        if address.isIPv6 { try socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(options.dualStack ? 0 : 1)) }
        try socket.bind(to: address)
        return socket
    }

    package func bind(to address: SystemAddress) throws(Errno) {
        // SAFETY: the kernel reads as many bytes as the array has.
        _ = try unsafe check(asyncio_bind(descriptor, address.bytes, socklen_t(address.bytes.count)))
    }

    package func listen(backlog: Int) throws(Errno) {
        try attempt { Glibc.listen(descriptor, Int32(clamping: backlog)) }
    }

    // MARK: Connecting

    /// Starts to connect. Returns false if the result is not available yet. In that case, `connectionError` returns the
    /// result when the socket is writable.
    package func connect(to address: SystemAddress) throws(Errno) -> Bool {
        // SAFETY: as in `bind`.
        let result = unsafe asyncio_connect(descriptor, address.bytes, socklen_t(address.bytes.count))
        let error = Errno(rawValue: -result)
        if result < 0, error == .nowInProgress || error == .interrupted { return false }
        _ = try check(result)
        return true
    }

    package var connectionError: Errno? {
        do throws(Errno) {
            let error = try option(SOL_SOCKET, SO_ERROR)
            return error == 0 ? nil : Errno(rawValue: error)
        } catch {
            return error
        }
    }

    /// Accepts the next connection.
    ///
    /// A connection that failed before it was accepted is skipped, as accept(2) recommends. That connection is lost,
    /// but the next one may succeed.
    ///
    /// - Throws: `.wouldBlock` if there is no connection; errors of the listening socket or the system; the error of a
    ///   connection if many consecutive connections failed.
    package func accept() throws(Errno) -> (Socket, SystemAddress) {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        var result = unsafe asyncio_accept(descriptor, &address, &length)
        for _ in 0..<Self.mostPassedOver where Self.areOfOneConnection.contains(-result) {
            result = unsafe asyncio_accept(descriptor, &address, &length)
        }
        let accepted = try check(result)
        return (Socket(owning: accepted), SystemAddress(address, length: length))
    }

    /// The number of consecutive failures after which the connections are probably not the cause. For example, a
    /// seccomp filter may forbid the call.
    private static let mostPassedOver = 128

    /// The errors of accept(2) that concern the accepted connection.
    private static let areOfOneConnection: [Int32] = [
        ECONNABORTED, EINTR, EPERM, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, ENONET, EHOSTDOWN,
        EHOSTUNREACH, ETIMEDOUT, ECONNRESET, EPROTONOSUPPORT, ESOCKTNOSUPPORT, ENOSR,
    ]

    // MARK: Bytes

    package override func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let descriptor = descriptor
        // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
        return try attemptUninterrupted { unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0) }
    }

    package override func send(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let descriptor = descriptor
        // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
        return try attemptUninterrupted {
            unsafe Glibc.send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        }
    }

    // MARK: Datagrams

    /// Receives one datagram, truncated to the size of the buffer, and the sender's address. A datagram can be empty.
    package func receiveDatagram(
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> (count: Int, from: SystemAddress) {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        // SAFETY: as in `receive`. The kernel fills the address before it returns.
        let count = try unsafe check(
            asyncio_recvfrom(descriptor, buffer.baseAddress, buffer.count, &address, &length))
        return (count, SystemAddress(address, length: length))
    }

    /// Sends one datagram. If `address` is nil, the datagram is sent to the connected peer.
    package func sendDatagram(_ buffer: UnsafeRawBufferPointer, to address: SystemAddress?) throws(Errno) {
        // SAFETY: as in `send` and `bind`.
        if let address {
            _ = try unsafe check(
                asyncio_sendto(
                    descriptor, buffer.baseAddress, buffer.count, address.bytes, socklen_t(address.bytes.count)))
        } else {
            _ = try unsafe check(asyncio_sendto(descriptor, buffer.baseAddress, buffer.count, nil, 0))
        }
    }

    // MARK: Closing

    package func shutdownWrite() throws(Errno) { try attempt { shutdown(descriptor, Int32(SHUT_WR)) } }

    // MARK: Facts and options

    /// Whether the descriptor is a stream socket. The value is false for a datagram socket and for a descriptor that is
    /// not a socket.
    package var isStream: Bool { (try? option(SOL_SOCKET, SO_TYPE)) == Int32(SOCK_STREAM.rawValue) }
    package var isDatagram: Bool { (try? option(SOL_SOCKET, SO_TYPE)) == Int32(SOCK_DGRAM.rawValue) }

    package var localAddress: SystemAddress? { try? boundAddress() }

    /// The address that the socket is bound to.
    package func boundAddress() throws(Errno) -> SystemAddress {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        _ = try unsafe check(asyncio_sockname(descriptor, &address, &length))
        return SystemAddress(address, length: length)
    }

    package var peerAddress: SystemAddress? {
        var address = sockaddr_storage()
        var length: socklen_t = 0
        guard unsafe asyncio_peername(descriptor, &address, &length) == 0 else { return nil }
        return SystemAddress(address, length: length)
    }

    package func setNoDelay() throws(Errno) { try set(Int32(IPPROTO_TCP), TCP_NODELAY, Int32(1)) }

    package func setKeepAlive() throws(Errno) { try set(SOL_SOCKET, SO_KEEPALIVE, Int32(1)) }
    package func setReuseAddress() throws(Errno) { try set(SOL_SOCKET, SO_REUSEADDR, Int32(1)) }
    package func setReusePort() throws(Errno) { try set(SOL_SOCKET, SO_REUSEPORT, Int32(1)) }
    package func setBroadcast() throws(Errno) { try set(SOL_SOCKET, SO_BROADCAST, Int32(1)) }

    /// Makes the peer see a broken connection, rather than the end of the stream, when the socket
    /// is closed.
    package func setResetOnClose() throws(Errno) { try set(SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }

    private func set<Value: BitwiseCopyable>(_ level: Int32, _ option: Int32, _ value: Value) throws(Errno) {
        // SAFETY: the kernel reads the value, which is on this stack.
        try attempt {
            unsafe withUnsafeBytes(of: value) {
                unsafe setsockopt(descriptor, level, option, $0.baseAddress, socklen_t($0.count))
            }
        }
    }

    private func option(_ level: Int32, _ option: Int32) throws(Errno) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        // SAFETY: the kernel writes at most `length` bytes to the value.
        try attempt { unsafe getsockopt(descriptor, level, option, &value, &length) }
        return value
    }
}
