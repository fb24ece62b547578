package import AsyncIOSystem
package import SystemPackage

// # Where connections come from
//
// Everything above this file (streams, transports, protocols, servers, TLS) uses channels and does not know what is
// below them. Usually that is the system: sockets and their descriptors. A loop in a simulation has a *network stack*
// of its own instead, which AsyncIOTesting implements. The functions that connect, listen, send datagrams, and resolve
// names ask it first. A loop in real time has no such stack, so production code checks one nil pointer for each new
// connection, and nothing for each byte.

/// The network and the disks of a loop, in place of the system's. Loop thread only.
package protocol NetworkStack: AnyObject {
    /// Returns the addresses of a host, or the addresses to listen on if `isPassive` is true.
    ///
    /// - Parameters:
    ///   - host: A name or a numeric address; nil means the loopback address, or all interfaces if `isPassive` is true.
    ///   - family: The number of an address family, or nil for all families.
    /// - Throws: ``ResolveError``; `CancellationError`.
    func addresses(of host: String?, port: Int, family: Int32?, isPassive: Bool) async throws -> [SystemAddress]
    /// Returns the name of the host with this address, if it has one.
    func name(of address: SystemAddress) -> String?

    /// Connects to an address.
    ///
    /// - Throws: ``OSError``; `CancellationError`, in which case nothing is left open.
    func connect(to address: SystemAddress, from local: SystemAddress?) async throws -> ByteChannel
    /// Binds a listener to an address, which may have port 0. Ports cannot be shared.
    ///
    /// - Parameter options: The settings of the server. Only `dualStack` and `keepAlive` are used.
    /// - Throws: `Errno`.
    func bind(to address: SystemAddress, _ options: Server.Options) throws(Errno) -> any StreamListener
    /// Creates a datagram channel.
    ///
    /// - Throws: ``OSError``.
    func datagrams(
        local: SystemAddress?, remote: SystemAddress?, family: Int32, isConnected: Bool
    ) throws -> DatagramChannel

    /// The disk of the host to which the running code belongs.
    var files: any SimulatedFiles { get }
    /// Throws ``RuntimeError`` for a feature that a simulation does not have.
    func refuse(_ what: String) throws(RuntimeError)
}

/// A listening socket, or its counterpart in a simulation. Loop thread only.
package protocol StreamListener: AnyObject {
    /// The address, or nil once the listener is closed.
    var address: SystemAddress? { get }
    /// The descriptor, or nil if the listener has no descriptor.
    var descriptor: Int32? { get }
    /// Returns the address of a listener that is not closed.
    func boundAddress() throws(Errno) -> SystemAddress

    func listen(backlog: Int) throws(Errno)
    /// Calls `onArrival` whenever a connection is waiting, each time in a separate turn, until ``stopAccepting()``.
    ///
    /// - Throws: ``OSError``, ``RuntimeError``.
    func startAccepting(_ onArrival: @escaping () -> Void) throws
    func stopAccepting()
    /// Stops accepting, and starts again after `duration` if `isWanted` still returns true.
    func pauseAccepting(for duration: Duration, while isWanted: @escaping () -> Bool, _ onArrival: @escaping () -> Void)
    /// Returns a waiting connection.
    ///
    /// - Throws: `.wouldBlock` if no connection is waiting.
    func accept() throws(Errno) -> ByteChannel
    /// Closes the listener. Waiting connections are reset.
    func close()
}

extension StreamListener {
    /// - Throws: ``OSError``.
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

    /// - Throws: ``RuntimeError`` on a loop whose network is simulated.
    func checkReal(_ what: @autoclosure () -> String) throws(RuntimeError) {
        if let stack = networkStack { try stack.refuse(what()) }
    }
}

/// A listening socket of the system, used by a server.
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
