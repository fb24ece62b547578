internal import AsyncIOSystem
internal import SystemPackage

/// A listening server; see ``startServer(host:port:backlog:limit:reusePort:isolation:_:)``.
///
/// asyncio: `asyncio.Server`.
public final class Server {
    // Loop thread only.
    private let loop: EventLoop
    private var listeners: [Socket] = []
    private var connections: [ObjectIdentifier: Connection] = [:]
    private let accept: (Connection) -> Void
    private let backlog: Int
    private var idlers = WaitQueue()
    private var servingTask: AnyAsyncTask?
    private var isClosed = false

    init(
        _ sockets: [Socket], on loop: EventLoop, backlog: Int, accept: @escaping (Connection) -> Void
    ) throws {
        self.loop = loop
        self.backlog = max(1, backlog)
        self.accept = accept
        listeners = sockets
        for socket in sockets { try listen(on: socket) }
    }

    // MARK: Facts

    /// Where the server listens; nothing once it is closed.
    ///
    /// asyncio: `Server.sockets`.
    public var addresses: [SocketAddress] {
        listeners.compactMap { $0.localAddress.map(SocketAddress.init) }
    }

    /// The port of the first address: what the system chose if it was asked for port 0.
    public var port: Int? { addresses.first?.port }

    /// Whether new connections are accepted.
    ///
    /// asyncio: `Server.is_serving`.
    public var isServing: Bool { !isClosed }

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    // MARK: Ending

    /// Accepts no more connections; those that are open go on. Calling it again does nothing.
    ///
    /// asyncio: `Server.close`.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        for socket in listeners {
            _ = try? loop.removeReader(socket.descriptor)
            socket.close()
        }
        listeners = []
        servingTask?.cancel()
        wakeIfIdle()
    }

    /// Closes every open connection, after what it has to send.
    ///
    /// asyncio: `Server.close_clients`.
    public func closeClients() { for connection in connections.values { connection.close() } }

    /// Ends every open connection at once.
    ///
    /// asyncio: `Server.abort_clients`.
    public func abortClients() { for connection in connections.values { connection.abort() } }

    /// Waits until the server is closed and no connection is open.
    ///
    /// - Throws: `CancellationError`.
    ///
    /// asyncio: `Server.wait_closed`.
    public nonisolated(nonsending) func waitClosed() async throws {
        guard !isClosed || !connections.isEmpty else { return }
        let place = Waiter(for: "Server.waitClosed()", on: self)
        idlers.append(place)
        defer { idlers.remove(place) }
        try await place.wait()
    }

    /// Serves until the task is cancelled or the server is closed; then closes it, waits for
    /// its connections, and throws `CancellationError`.
    ///
    /// - Throws: ``RuntimeError`` if another task does so already, or the server is closed;
    ///   `CancellationError`.
    ///
    /// asyncio: `Server.serve_forever`.
    public nonisolated(nonsending) func serveForever() async throws {
        if servingTask != nil { throw RuntimeError("the server is already being awaited on serveForever()") }
        if isClosed { throw RuntimeError("the server is closed") }
        servingTask = runningTask()
        defer { servingTask = nil }
        do {
            try await Waiter(for: "Server.serveForever()", on: self).wait()
        } catch {
            servingTask = nil
            close()
            try await waitClosed()
            throw error
        }
    }

    // MARK: Accepting

    private func listen(on socket: Socket) throws {
        // The loop holds the server until it is closed, as it holds tasks.
        try loop.addReader(socket.descriptor) { [self] in acceptConnections(on: socket) }
    }

    /// Takes what waits, so many at the most that others get their turn.
    private func acceptConnections(on socket: Socket) {
        for _ in 0...backlog {
            guard !isClosed else { return }
            do {
                let (accepted, peer) = try socket.accept()
                try adopt(accepted, peer)
            } catch {
                switch error {
                case .wouldBlock: return
                case .connectionAbort, .interrupted: continue
                default: return pause(socket, after: error)
                }
            }
        }
    }

    private func adopt(_ socket: Socket, _ peer: SystemAddress) throws(Errno) {
        let connection = try Connection(socket, on: loop, local: nil, peer: peer)
        let id = ObjectIdentifier(connection)
        connections[id] = connection
        connection.onLost = { [weak self] in self?.forget(id) }
        accept(connection)
    }

    private func forget(_ id: ObjectIdentifier) {
        connections[id] = nil
        wakeIfIdle()
    }

    private func wakeIfIdle() {
        if isClosed, connections.isEmpty { idlers.wake() }
    }

    /// The system has no descriptor or memory to give: those who wait stay in the kernel's
    /// queue, and the server tries again in a second.
    private func pause(_ socket: Socket, after error: Errno) {
        loop.callExceptionHandler(
            ExceptionContext(
                message: "accept() is out of system resources; the server tries again in a second",
                error: OSError(error, "accepting a connection")))
        _ = try? loop.removeReader(socket.descriptor)
        _ = loop.schedule(
            .callback { [weak self] in
                guard let self, !self.isClosed else { return }
                try self.listen(on: socket)
            }, at: loop.time.advanced(by: .seconds(1)))
    }
}
