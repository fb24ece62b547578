package import AsyncIOSystem
package import SystemPackage

// # Where connections come from
//
// All code above this file (streams, transports, protocols, servers, TLS) uses channels and does not depend on their
// implementation. Usually, channels use the system's sockets and descriptors. A loop in a simulation has its own
// *network stack* instead, which AsyncIOTesting implements. The functions that connect, listen, send datagrams, and
// resolve names first check for a network stack. A loop in real time has no such stack, so production code checks one
// nil pointer for each new connection, and makes no checks for each byte.

/// A simulated network with simulated disks, which a loop uses instead of the operating system's network. Use this type
/// only on the loop's thread.
package protocol NetworkStack: AnyObject {
    /// Returns the addresses of a host, or the addresses to listen on if `isPassive` is true.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address, or nil for the loopback address (for all interfaces if `isPassive` is
    ///     true).
    ///   - family: The number of an address family, or nil for all families.
    /// - Throws: ``ResolveError`` if the host cannot be resolved; `CancellationError` if the task is cancelled.
    func addresses(of host: String?, port: Int, family: Int32?, isPassive: Bool) async throws -> [SystemAddress]
    /// Returns the name of the host with this address, or nil if the host has no name.
    func name(of address: SystemAddress) -> String?

    /// Connects to an address.
    ///
    /// - Throws: ``OSError`` if the connection fails; `CancellationError` if the task is cancelled. In both cases, no
    ///   connection is left open.
    func connect(to address: SystemAddress, from local: SystemAddress?) async throws -> ByteChannel
    /// Binds a listener to an address, which may have port 0. Ports cannot be shared.
    ///
    /// - Parameter options: The settings of the server. Only `dualStack` and `keepAlive` are used.
    /// - Throws: `Errno` if the address cannot be bound.
    func bind(to address: SystemAddress, _ options: Server.Options) throws(Errno) -> any StreamListener
    /// Creates a datagram channel.
    ///
    /// - Throws: ``OSError`` if the channel cannot be created.
    func datagrams(
        local: SystemAddress?, remote: SystemAddress?, family: Int32, isConnected: Bool
    ) throws -> DatagramChannel

    /// The disk of the simulated host on which the current code runs.
    var files: any SimulatedFiles { get }
    /// Throws a ``RuntimeError`` for a feature that the simulation does not support.
    func refuse(_ what: String) throws(RuntimeError)
}

/// A listening socket, or its counterpart in a simulation. Use this type only on the loop's thread.
package protocol StreamListener: AnyObject {
    /// The address of the listener, or nil once the listener is closed.
    var address: SystemAddress? { get }
    /// The descriptor, or nil if the listener has no descriptor.
    var descriptor: Int32? { get }
    /// Returns the address of the listener, which must not be closed.
    func boundAddress() throws(Errno) -> SystemAddress

    func listen(backlog: Int) throws(Errno)
    /// Calls `onArrival` whenever a connection is waiting, until ``stopAccepting()`` is called. Each call is made in a
    /// separate turn.
    ///
    /// - Throws: ``OSError`` if the listener cannot be watched; ``RuntimeError`` if the loop is closed.
    func startAccepting(_ onArrival: @escaping () -> Void) throws
    func stopAccepting()
    /// Stops accepting connections, and resumes after `duration` if `isWanted` still returns true.
    func pauseAccepting(for duration: Duration, while isWanted: @escaping () -> Bool, _ onArrival: @escaping () -> Void)
    /// Returns a waiting connection.
    ///
    /// - Throws: `.wouldBlock` if no connection is waiting.
    func accept() throws(Errno) -> ByteChannel
    /// Closes the listener. Waiting connections are reset.
    func close()
}

extension StreamListener {
    /// Returns the port of the listener, or nil if the listener has no port.
    ///
    /// - Throws: ``OSError`` if the port cannot be determined.
    func port() throws(OSError) -> Int? {
        do {
            return try boundAddress().port
        } catch {
            throw OSError(error, "asking for the address of a server")
        }
    }
}

extension EventLoop {
    /// The simulated network of this loop, or nil for the system's network.
    package var networkStack: (any NetworkStack)? {
        get { virtualNow == nil ? nil : network.stack }
        set {
            network.stack = newValue
            component(LoopFiles.self).simulated = newValue.map { stack in { [unowned stack] in stack.files } }
        }
    }

    /// Checks that the loop uses the operating system's network.
    ///
    /// - Throws: ``RuntimeError`` if the loop's network is simulated.
    func checkReal(_ what: @autoclosure () -> String) throws(RuntimeError) {
        if let stack = networkStack { try stack.refuse(what()) }
    }
}

/// A server's listening socket that belongs to the operating system.
final class SystemListener: StreamListener {
    private let listening: ListeningSocket
    private let loop: EventLoop

    init(_ listening: ListeningSocket, on loop: EventLoop) {
        self.listening = listening
        self.loop = loop
    }

    private var socket: Socket { listening.socket }
    var address: SystemAddress? { socket.localAddress }
    var descriptor: Int32? { socket.descriptor }
    func boundAddress() throws(Errno) -> SystemAddress { try socket.boundAddress() }

    func listen(backlog: Int) throws(Errno) { try socket.listen(backlog: backlog) }

    func startAccepting(_ onArrival: @escaping () -> Void) throws { try loop.addReader(socket.descriptor, onArrival) }

    func stopAccepting() { _ = try? loop.removeReader(socket.descriptor) }

    func pauseAccepting(for duration: Duration, while isWanted: @escaping () -> Bool, _ onArrival: @escaping () -> Void)
    {
        stopAccepting()
        loop.addReaderLater(socket.descriptor, in: duration, while: isWanted, onArrival)
    }

    func accept() throws(Errno) -> ByteChannel {
        let (accepted, peer) = try socket.accept()
        return try Connection(accepted: accepted, peer: peer, on: loop)
    }

    func close() { listening.close() }
}
