internal import AsyncIOSystem
internal import SystemPackage

// These are asyncio's operations on sockets that belong to the caller. The caller makes the sockets non-blocking and
// closes them. Each operation tries the system call first, and waits only if it would block. Any number of tasks can
// wait for the same socket.

extension EventLoop {
    /// Receives up to `count` bytes from a socket.
    ///
    /// - Parameters:
    ///   - socket: The descriptor of a non-blocking socket. You still own the socket afterwards.
    ///   - count: The maximum number of bytes.
    /// - Returns: The bytes, or an empty array at the end of the stream.
    /// - Throws: ``OSError`` if the system call fails; ``RuntimeError`` if a connection of this loop owns the socket,
    ///   or if the loop is closed; ``ValueError`` if an argument is negative, or if the socket is blocking and the loop
    ///   is in debug mode; `CancellationError` if the task is cancelled, in which case no bytes are lost.
    ///
    /// asyncio: `loop.sock_recv`.
    public func sockRecv(_ socket: some FileDescriptorConvertible, _ count: Int) async throws -> [UInt8] {
        let socket = socket.number
        guard count >= 0 else { throw ValueError("count must not be negative, got \(count)") }
        let borrowed = try borrow(socket, for: "sockRecv")
        return try await retry("sockRecv", waitingToRead: socket, size: { $0.count }) { () throws(Errno) in
            // SAFETY: no other code uses the loop's buffer before the next suspension.
            let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: network.receiveBuffer.bytes.prefix(count))
            return unsafe Array(buffer[..<(try borrowed.receive(into: buffer))])
        }
    }

    /// Receives bytes from a socket into the caller's memory.
    ///
    /// - Returns: The number of bytes that were received, or 0 at the end of the stream.
    /// - Throws: The same errors as ``sockRecv(_:_:)``. If the task is cancelled, no bytes are lost.
    ///
    /// asyncio: `loop.sock_recv_into`.
    public func sockRecvInto(_ socket: some FileDescriptorConvertible, _ buffer: inout MutableRawSpan) async throws
        -> Int
    {
        let socket = socket.number
        if isBudgetSpent { try await giveWay() }
        let borrowed = try borrow(socket, for: "sockRecvInto")
        while true {
            do {
                // SAFETY: the kernel writes at most as many bytes as the buffer has.
                let count = try unsafe buffer.withUnsafeMutableBytes { bytes throws(Errno) in
                    unsafe try borrowed.receive(into: bytes)
                }
                spend(count)
                return count
            } catch .wouldBlock {
                try await waitReadable(socket, "sockRecvInto()")
            } catch {
                throw OSError(error, "sockRecvInto on descriptor \(socket)")
            }
        }
    }

    /// Receives a datagram of up to `count` bytes. The rest of a longer datagram is lost.
    ///
    /// - Returns: The bytes of the datagram and the address of its sender.
    /// - Throws: The same errors as ``sockRecv(_:_:)``. If the task is cancelled, no datagram is lost.
    ///
    /// asyncio: `loop.sock_recvfrom`.
    public func sockRecvFrom(
        _ socket: some FileDescriptorConvertible, _ count: Int
    ) async throws -> (bytes: [UInt8], address: Endpoint) {
        let socket = socket.number
        guard count >= 0 else { throw ValueError("count must not be negative, got \(count)") }
        let borrowed = try borrow(socket, for: "sockRecvFrom")
        return try await retry("sockRecvFrom", waitingToRead: socket, size: { $0.bytes.count }) { () throws(Errno) in
            // SAFETY: as in `sockRecv`.
            let buffer = unsafe UnsafeMutableRawBufferPointer(rebasing: network.receiveBuffer.bytes.prefix(count))
            let (received, address) = try unsafe borrowed.receiveDatagram(into: buffer)
            return unsafe (Array(buffer[..<received]), Endpoint(address))
        }
    }

    /// Sends a datagram.
    ///
    /// - Parameters:
    ///   - socket: The descriptor of a non-blocking datagram socket. You still own the socket afterwards.
    ///   - bytes: The bytes of the datagram.
    ///   - address: The address to send to, or `nil` for the peer to which the socket is connected.
    /// - Throws: The same errors as ``sockRecv(_:_:)``. If the task is cancelled, the datagram is not sent.
    ///
    /// asyncio: `loop.sock_sendto`.
    public func sockSendTo(
        _ socket: some FileDescriptorConvertible, _ bytes: [UInt8], to address: Endpoint?
    ) async throws {
        let socket = socket.number
        let borrowed = try borrow(socket, for: "sockSendTo")
        try await retry("sockSendTo", waitingToWrite: socket, size: { bytes.count }) { () throws(Errno) in
            // SAFETY: the kernel copies the bytes before the call returns.
            try unsafe bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in
                unsafe try borrowed.sendDatagram(bytes, to: address?.system)
            }
        }
    }

    /// Sends all of `bytes` through a socket.
    ///
    /// - Throws: The same errors as ``sockRecv(_:_:)``. If this method throws an error, the number of bytes that were
    ///   sent is unknown.
    ///
    /// asyncio: `loop.sock_sendall`.
    public func sockSendAll(_ socket: some FileDescriptorConvertible, _ bytes: [UInt8]) async throws {
        let socket = socket.number
        let borrowed = try borrow(socket, for: "sockSendAll")
        var sent = 0
        while sent < bytes.count {
            let start = sent
            sent += try await retry("sockSendAll", waitingToWrite: socket, size: { $0 }) { () throws(Errno) in
                // SAFETY: the kernel copies the bytes before the call returns.
                try unsafe bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in
                    unsafe try borrowed.send(UnsafeRawBufferPointer(rebasing: bytes[start...].prefix(1 << 20)))
                }
            }
        }
    }

    /// Connects a socket to an address.
    ///
    /// If the address is a Unix socket and the server's accept queue is full, this method waits until the queue has
    /// room.
    ///
    /// - Throws: ``OSError`` if the connection fails; otherwise the same errors as ``sockRecv(_:_:)``. If the task is
    ///   cancelled, close the socket, because the connection may still be established later.
    ///
    /// asyncio: `loop.sock_connect`.
    public func sockConnect(_ socket: some FileDescriptorConvertible, to address: Endpoint) async throws {
        let socket = socket.number
        let borrowed = try borrow(socket, for: "sockConnect")
        do {
            if try await connectWhenThereIsRoom(borrowed, to: address.system) { return }
            try await waitWritable(socket, "sockConnect()")
            if let error = borrowed.connectionError { throw error }
        } catch let error as Errno {
            throw OSError(error, "connecting to \(address)")
        }
    }

    /// Connects a socket to a host. The host name is resolved for the socket's family and type.
    ///
    /// - Throws: ``ResolveError`` if the host cannot be resolved; ``ValueError`` if the port is out of range;
    ///   otherwise the same errors as ``sockConnect(_:to:)``. If the task is cancelled, close the socket.
    ///
    /// asyncio: `loop.sock_connect`.
    public func sockConnect(_ socket: some FileDescriptorConvertible, host: String, port: Int) async throws {
        let socket = socket.number
        let borrowed = try borrow(socket, for: "sockConnect")
        let family: Endpoint.Family? = borrowed.localAddress.flatMap { Endpoint($0).family }
        let found = try await resolve(host: host, port: port, family: family, isDatagram: borrowed.isDatagram)
        guard let address = found.first else { throw ResolveError(host: host, reason: "no address") }
        try await sockConnect(socket, to: Endpoint(address))
    }

    /// Accepts a connection on a listening socket.
    ///
    /// A connection that breaks before it is accepted is skipped.
    ///
    /// - Returns: The descriptor of the connection and the address of the peer. You own the descriptor, which is
    ///   non-blocking and close-on-exec.
    /// - Throws: The same errors as ``sockRecv(_:_:)``. If the task is cancelled, no connection is lost.
    ///
    /// asyncio: `loop.sock_accept`.
    public func sockAccept(
        _ socket: some FileDescriptorConvertible
    ) async throws -> (socket: Int32, address: Endpoint) {
        let socket = socket.number
        let borrowed = try borrow(socket, for: "sockAccept")
        let (accepted, address) = try await retry("sockAccept", waitingToRead: socket) { () throws(Errno) in
            try borrowed.accept()
        }
        return (accepted.giveUp(), Endpoint(address))
    }

    // MARK: Inside

    func borrow(_ socket: Int32, for operation: StaticString) throws -> Socket {
        try checkOpen(operation)
        try checkReal("\(operation)(), which uses a descriptor of the system")
        guard socket >= 0 else { throw ValueError("\(operation)() needs a valid descriptor, got \(socket)") }
        let borrowed = Socket(borrowing: socket)
        if debug, !borrowed.isNonBlocking { throw ValueError("the socket must be non-blocking") }
        return borrowed
    }

    private func retry<T>(
        _ operation: StaticString, waitingToRead socket: Int32, size: (T) -> Int = { _ in 0 },
        _ body: () throws(Errno) -> T
    ) async throws -> T {
        if isBudgetSpent { try await giveWay() }
        while true {
            do {
                let value = try body()
                spend(size(value))
                return value
            } catch .wouldBlock {
                try await waitReadable(socket, operation)
            } catch {
                throw OSError(error, "\(operation) on descriptor \(socket)")
            }
        }
    }

    private func retry<T>(
        _ operation: StaticString, waitingToWrite socket: Int32, size: (T) -> Int = { _ in 0 },
        _ body: () throws(Errno) -> T
    ) async throws -> T {
        if isBudgetSpent { try await giveWay() }
        var isRefusedAgain = false
        while true {
            do {
                let value = try body()
                spend(size(value))
                return value
            } catch .wouldBlock {
                // The poller reports room in the sender's buffer. A Unix datagram also needs room in the receiver's
                // queue, which the poller does not report.
                if isRefusedAgain { try await sleep(.milliseconds(1)) }
                try await waitWritable(socket, operation)
                isRefusedAgain = true
            } catch {
                throw OSError(error, "\(operation) on descriptor \(socket)")
            }
        }
    }
}
