internal import AsyncIOSystem
internal import SystemPackage

/// A listening server; see ``startServer(host:port:family:backlog:limit:reuseAddress:reusePort:keepAlive:noDelay:dualStack:startServing:tls:isolation:fileID:line:_:)``.
///
/// It owns its listening sockets, its connections, and the tasks of their handlers.
///
/// asyncio: `asyncio.Server`.
public final class Server {
    // Loop thread only.
    private let loop: EventLoop
    private var listeners: [Listener]
    private let backlog: Int
    /// How many connections are accepted in one turn at most.
    private let acceptsPerTurn: Int
    /// What becomes of a connection; the task of its handler, if it has one.
    private let accept: (Connection) -> AnyAsyncTask?
    /// Not held: one that nobody holds any more goes, and leaves the list.
    private var connections: [ObjectIdentifier: Unretained<ByteChannel>] = [:]
    private var handlers: [ObjectIdentifier: AnyAsyncTask] = [:]
    /// Who waits for there to be nothing left.
    private var idlers = WaitQueue()
    /// Who serves for ever.
    private var serving: Waiter?
    private var state = State.bound

    private enum State { case bound, serving, closed }

    init(
        _ listeners: [Listener], on loop: EventLoop, backlog: Int, startServing: Bool, isShared: Bool = false,
        accept: @escaping (Connection) -> AnyAsyncTask?
    ) throws {
        self.loop = loop
        self.listeners = listeners
        self.backlog = min(max(1, backlog), Int(Int32.max))
        // Who shares its sockets with other processes leaves them their part of a burst.
        acceptsPerTurn = isShared ? 1 : self.backlog + 1
        self.accept = accept
        guard startServing else { return }
        do {
            try self.startServing()
        } catch {
            close()
            throw error
        }
    }

    deinit {
        guard state == .serving else { return }
        EventLoop.warn(
            "unclosed server on \(addresses.map(\.description).joined(separator: ", ")); call close()", of: loop)
    }

    // MARK: Facts

    /// Where the server listens; nothing once it is closed.
    ///
    /// asyncio: `Server.sockets`.
    public var addresses: [SocketAddress] {
        listeners.compactMap { $0.socket.localAddress.map(SocketAddress.init) }
    }

    /// The listening descriptors, which stay the server's; none once it is closed.
    ///
    /// asyncio: `Server.sockets`.
    public var sockets: [Int32] { listeners.map(\.socket.descriptor) }

    /// The port of the first address: what the system chose if it was asked for port 0.
    public var port: Int? { addresses.first?.port }

    /// Whether new connections are accepted.
    ///
    /// asyncio: `Server.is_serving`.
    public var isServing: Bool { state == .serving }

    /// How many connections are open.
    public var connectionCount: Int { connections.count }

    // MARK: Serving

    /// Begins to listen, if the server was made with `startServing: false`; does nothing if it
    /// does so already.
    ///
    /// - Throws: ``OSError`` if the system refuses; ``RuntimeError`` if the server is closed.
    ///
    /// asyncio: `Server.start_serving`.
    public func startServing() throws {
        switch state {
        case .serving: return
        case .closed: throw RuntimeError("the server is closed")
        case .bound: break
        }
        for listener in listeners {
            do {
                try listener.socket.listen(backlog: backlog)
            } catch {
                let address = listener.socket.localAddress?.description
                throw OSError(error, "listening on \(address ?? "a socket")")
            }
        }
        do {
            for listener in listeners { try watch(listener.socket) }
        } catch {
            unwatchAll()
            throw error
        }
        state = .serving
    }

    /// Serves until the task is cancelled or the server is closed; then closes it, waits for
    /// its connections, and throws `CancellationError`.
    ///
    /// - Throws: ``RuntimeError`` if another task does so already, or the server is closed;
    ///   `CancellationError`.
    ///
    /// asyncio: `Server.serve_forever`.
    public nonisolated(nonsending) func serveForever() async throws {
        if serving != nil { throw RuntimeError("the server is already being awaited on serveForever()") }
        try startServing()
        let place = Waiter(for: "Server.serveForever()", on: self)
        serving = place
        do {
            try await place.wait()
        } catch {
            serving = nil
            close()
            try await waitClosed()
            throw error
        }
    }

    /// Serves until one of `signals` comes, or the server is closed; then shuts it down in order:
    /// see ``shutdown(within:)``. The whole of a server's main function:
    ///
    /// ```swift
    /// try await server.serve(until: .terminate, .interrupt, grace: .seconds(5)) { print("READY") }
    /// ```
    ///
    /// - Parameters:
    ///   - grace: how long the connections have then to come to their end.
    ///   - whenReady: called once, when the server listens and the signals would be noticed.
    /// - Returns: how many connections were cut off.
    /// - Throws: ``OSError`` if the system refuses to listen, or to let a signal be caught;
    ///   ``RuntimeError`` if the server is closed, or served already; what `whenReady` throws;
    ///   `CancellationError`. The server is shut down then too.
    @discardableResult
    public nonisolated(nonsending) func serve(
        until signals: Signal..., grace: Duration, whenReady: () throws -> Void = {}
    ) async throws -> Int {
        if serving != nil { throw RuntimeError("the server is already being awaited on serveForever()") }
        let arrivals = try SignalSequence(signals, on: loop)
        let closing = Waiter(for: "Server.serve(until:)", on: self)
        defer { serving = nil }
        do {
            try startServing()
            serving = closing
            try whenReady()
            try await race(
                { for try await _ in arrivals { break } },
                { [self] in do { try await closing.wait() } catch { if state != .closed { throw error } } })
        } catch {
            // If this was cancelled, the wait is a new one, and goes on.
            if state != .closed { _ = try? await shutdown(within: grace) }
            throw error
        }
        return try await shutdown(within: grace)
    }

    // MARK: Ending

    /// Accepts no more connections; those that are open go on. Calling it again does nothing.
    ///
    /// asyncio: `Server.close`.
    public func close() {
        guard state != .closed else { return }
        state = .closed
        unwatchAll()
        for listener in listeners { listener.close() }
        listeners = []
        serving?.cancel()
        idlers.wake()
    }

    /// Closes every open connection, after what it has to send.
    ///
    /// asyncio: `Server.close_clients`.
    public func closeClients() { for connection in connections.values.map(\.object) { connection.top.close() } }

    /// Ends every open connection at once. A handler hears of it when it next uses its
    /// connection; ``shutdown(within:)`` ends those that do not.
    ///
    /// asyncio: `Server.abort_clients`.
    public func abortClients() { for connection in connections.values.map(\.object) { connection.top.abort() } }

    /// Waits until the server is closed and no connection is open. A handler may still run: see
    /// ``shutdown(within:)``.
    ///
    /// - Throws: `CancellationError`.
    ///
    /// asyncio: `Server.wait_closed`.
    public nonisolated(nonsending) func waitClosed() async throws {
        try await wait { state == .closed && connections.isEmpty }
    }

    /// Closes the server in order: accepts no more, lets the connections and their handlers
    /// come to their end, and when `grace` is over aborts the connections that are left and
    /// cancels the handlers that still run, whether their connection is open or not. It waits for
    /// their clean-up as long again, at least for a second. A client that never ends can't hold it
    /// up; only a handler that ignores its cancellation outlives it, as a task of the loop.
    ///
    /// This is the call that ends handlers. ``close()``, ``closeClients()``, ``abortClients()``
    /// and ``waitClosed()`` do what asyncio's do: a handler that sleeps, or waits for anything but
    /// its connection, runs on after them. Call this then too.
    ///
    /// - Returns: how many connections were cut off.
    /// - Throws: ``RuntimeError`` if a handler of the server calls it, which would wait for itself;
    ///   `CancellationError`, after cutting off what is left.
    @discardableResult
    public nonisolated(nonsending) func shutdown(within grace: Duration) async throws -> Int {
        if let task = runningTask(), handlers.values.contains(where: { $0 === task }) {
            throw RuntimeError(
                "shutdown() of a server waits for its handlers, and was called by one; call close() there, "
                    + "or leave it to another task")
        }
        close()
        do {
            try await waitFor(timeout: grace) { try await self.wait { connections.isEmpty && handlers.isEmpty } }
            return 0
        } catch {
            let cut = connections.count
            abortClients()
            for handler in handlers.values { handler.cancel("the server is shut down") }
            guard error is TimeoutError else { throw error }
            try await wait { connections.isEmpty }
            do {
                try await waitFor(timeout: max(grace, .seconds(1))) { try await self.wait { handlers.isEmpty } }
            } catch is TimeoutError {
                // Who ignores a cancellation can't be ended.
            }
            return cut
        }
    }

    /// Waits until the server is closed, whatever its connections do.
    nonisolated(nonsending) func waitClosing() async throws { try await wait { state == .closed } }

    private nonisolated(nonsending) func wait(until isOver: () -> Bool) async throws {
        while !isOver() {
            let place = Waiter(for: "the end of a Server", on: self)
            idlers.append(place)
            defer { idlers.remove(place) }
            try await place.wait()
        }
    }

    private func wakeIdlers() {
        if state == .closed, connections.isEmpty { idlers.wake() }
    }

    // MARK: Accepting

    private func unwatchAll() {
        for listener in listeners { _ = try? loop.removeReader(listener.socket.descriptor) }
    }

    private func watch(_ socket: Socket) throws {
        // The loop holds the server until it is closed, as it holds tasks.
        try loop.addReader(socket.descriptor) { [self] in acceptConnections(on: socket) }
    }

    /// Takes what waits, so many at the most that others get their turn.
    private func acceptConnections(on socket: Socket) {
        for _ in 0..<acceptsPerTurn {
            guard state == .serving else { return }
            do {
                let (accepted, peer) = try socket.accept()
                try adopt(accepted, peer)
            } catch {
                if error != .wouldBlock { pause(socket, after: error) }
                return
            }
        }
    }

    private func adopt(_ socket: Socket, _ peer: SystemAddress) throws(Errno) {
        let connection = try Connection(accepted: socket, peer: peer, on: loop)
        track(connection)
        guard let handler = accept(connection), !handler.isDone else { return }
        // By the handler's own identity: it may outlive its connection.
        let id = ObjectIdentifier(handler)
        handlers[id] = handler
        handler.onDone { [weak self] _ in
            self?.handlers[id] = nil
            self?.wakeIdlers()
        }
    }

    /// Counts a channel until it is lost; closes it and aborts it with the others.
    func track(_ channel: ByteChannel) {
        let id = ObjectIdentifier(channel)
        connections[id] = Unretained(channel)
        channel.onReleased = { [weak self] in
            self?.connections[id] = nil
            self?.wakeIdlers()
        }
    }

    /// Most likely the system has no descriptor or memory to give: those who wait stay in the
    /// kernel's queue, and the server tries again in a second.
    private func pause(_ socket: Socket, after error: Errno) {
        let isShort = [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory].contains(error)
        loop.callExceptionHandler(
            ExceptionContext(
                message: isShort
                    ? "accept() is out of system resources; the server tries again in a second"
                    : "accept() failed; the server tries again in a second",
                error: OSError(error, "accepting a connection")))
        _ = try? loop.removeReader(socket.descriptor)
        loop.addReaderLater(socket.descriptor, in: .seconds(1), while: { self.state == .serving }) { [self] in
            acceptConnections(on: socket)
        }
    }
}

/// Runs `body` with a server that is shut down when it ends, in whatever way.
///
/// - Parameter grace: how long the connections have then to come to their end; see
///   ``Server/shutdown(within:)``.
/// - Throws: what `body` throws.
///
/// asyncio: `async with server:`.
@discardableResult
public func withServer<T>(
    _ server: Server, grace: Duration = .seconds(10), isolation: isolated (any Actor)? = #isolation,
    _ body: (Server) async throws -> T
) async throws -> T {
    _ = isolation
    do {
        let value = try await body(server)
        try await server.shutdown(within: grace)
        return value
    } catch {
        // If the body was cancelled, this wait is a new one, and goes on.
        if !server.isClosed { _ = try? await server.shutdown(within: grace) }
        throw error
    }
}

extension Server {
    /// Whether the server was closed.
    public var isClosed: Bool { sockets.isEmpty }
}
