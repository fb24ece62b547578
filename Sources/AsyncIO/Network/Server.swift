internal import AsyncIOSystem
internal import SystemPackage

/// A listening server; see ``startServer(host:port:tls:options:isolation:fileID:line:_:)``.
///
/// A server owns its listening sockets, its connections, and the tasks of their handlers.
///
/// asyncio: `asyncio.Server`.
public final class Server {
    // Loop thread only.
    private let loop: EventLoop
    private var listeners: [any StreamListener]
    /// The port of the first address, or nil for a Unix socket.
    private var boundPort: Int?
    private let options: Options
    /// The maximum number of connections accepted in one turn.
    private let acceptsPerTurn: Int
    /// A closure that handles an accepted connection. The closure returns the task that runs the handler of the
    /// connection, or nil if there is no such task.
    private let accept: (ByteChannel, Server) -> AnyAsyncTask?
    /// The open connections, which this dictionary does not retain. An abandoned connection is released and removed
    /// from the dictionary.
    private var connections: [ObjectIdentifier: Unretained<ByteChannel>] = [:]
    private var handlers: [ObjectIdentifier: AnyAsyncTask] = [:]
    /// The number of connections from each host, if a limit is set.
    private var peers: [String: Int] = [:]
    /// The hosts of the counted connections, if a limit is set.
    private var hosts: [ObjectIdentifier: String] = [:]
    /// Whether the server has stopped accepting because it has reached its connection limit.
    private var isFull = false
    /// A closure that is called with the number of open connections during a shutdown.
    private var onProgress: ((Int) -> Void)?
    /// The tasks that are waiting for the server to become idle.
    private let idlers = WaitQueue()
    /// The waiter of the task in `serveForever()` or `serve(until:)`.
    private var serving: Waiter?
    private var state = State.bound

    private enum State { case bound, serving, closed }

    init(
        _ listeners: [any StreamListener], on loop: EventLoop, _ options: Options, isShared: Bool,
        accept: @escaping (ByteChannel, Server) -> AnyAsyncTask?
    ) throws {
        self.loop = loop
        self.listeners = listeners
        self.options = options
        // A server that shares its sockets with other servers leaves them a share of a burst of connections.
        acceptsPerTurn = isShared ? 1 : options.queueLength + 1
        self.accept = accept
        do {
            try options.checkLimits()
            boundPort = try listeners.first?.port()
            if options.startServing { try startServing() }
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

    /// The addresses that the server listens on. The array is empty once the server is closed.
    ///
    /// asyncio: `Server.sockets`.
    public var addresses: [Endpoint] {
        listeners.compactMap { $0.address.map(Endpoint.init) }
    }

    /// The listening descriptors, which the server still owns. The array is empty once the server is closed.
    ///
    /// asyncio: `Server.sockets`.
    public var sockets: [Int32] { listeners.compactMap(\.descriptor) }

    /// The port of the first address. The port remains available after the server is closed. If the server was started
    /// with port 0, the property contains the port that the system chose.
    ///
    /// - Precondition: The server listens on a TCP port, not on a Unix socket.
    public var port: Int {
        guard let boundPort else {
            fatalError("a server on a Unix socket has no port; its path is in `Server.addresses`")
        }
        return boundPort
    }

    /// The same as ``port``, or nil for a Unix socket.
    var knownPort: Int? { boundPort }

    /// Whether the server accepts new connections.
    ///
    /// asyncio: `Server.is_serving`.
    public var isServing: Bool { state == .serving }

    /// The number of open connections.
    public var connectionCount: Int { connections.count }

    // MARK: Serving

    /// Starts listening. Call this method if the server was created with ``Options/startServing`` set to `false`. The
    /// method does nothing if the server is already listening.
    ///
    /// - Throws: ``OSError`` if the system refuses to listen; ``RuntimeError`` if the server is closed.
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
                try listener.listen(backlog: options.queueLength)
            } catch {
                let address = listener.address?.description
                throw OSError(error, "listening on \(address ?? "a socket")")
            }
        }
        do {
            for listener in listeners { try watch(listener) }
        } catch {
            unwatchAll()
            throw error
        }
        state = .serving
    }

    /// Serves until the task is cancelled or the server is closed. The method then closes the server, waits for its
    /// connections to end, and throws `CancellationError`.
    ///
    /// - Throws: ``RuntimeError`` if another task is already serving or the server is closed; ``OSError`` if the system
    ///   refuses to listen; `CancellationError` in all other cases.
    ///
    /// asyncio: `Server.serve_forever`.
    public func serveForever() async throws {
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

    /// Serves until one of `signals` arrives or the server is closed, and then shuts down gracefully; see
    /// ``shutdown(within:)``. For many servers, a call to this method is the entire main function:
    ///
    /// ```swift
    /// try await server.serve(until: .terminate, .interrupt, grace: .seconds(5)) { print("READY") }
    /// ```
    ///
    /// - Parameters:
    ///   - signals: The signals that end the server.
    ///   - grace: How long to wait for the connections to end on their own after a signal arrives.
    ///   - whenReady: A closure that is called once, when the server is listening and the signals are being caught.
    /// - Returns: The number of connections that were aborted.
    /// - Throws: ``OSError`` if the system refuses to listen or to catch a signal; ``RuntimeError`` if the server is
    ///   closed or another task is already serving; any error that `whenReady` throws; `CancellationError` if the task
    ///   is cancelled. The server is also shut down if it cannot listen, if `whenReady` throws an error, or if the task
    ///   is cancelled.
    ///
    /// asyncio: none; the closest equivalent is `Server.serve_forever` with `loop.add_signal_handler`.
    @discardableResult
    public func serve(
        until signals: ProcessSignal..., grace: Duration, whenReady: () throws -> Void = {}
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
                { _ = try await arrivals.next() },
                // A closure with a capture list would leave a loop that has its own thread.
                { do { try await closing.wait() } catch { if self.state != .closed { throw error } } })
        } catch {
            // This is a new wait, which an earlier cancellation does not end.
            if state != .closed { _ = try? await shutdown(within: grace) }
            throw error
        }
        return try await shutdown(within: grace)
    }

    // MARK: Ending

    /// Stops accepting connections. Open connections continue. Further calls do nothing.
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

    /// Closes every open connection after its buffered data is sent.
    ///
    /// - Complexity: O(*n*), where *n* is the number of open connections.
    ///
    /// asyncio: `Server.close_clients`.
    public func closeClients() { for connection in connections.values.map(\.object) { connection.top.close() } }

    /// Aborts every open connection. A handler detects the abort the next time it uses its connection.
    /// ``shutdown(within:)`` also ends handlers that do not use their connections.
    ///
    /// - Complexity: O(*n*), where *n* is the number of open connections.
    ///
    /// asyncio: `Server.abort_clients`.
    public func abortClients() { for connection in connections.values.map(\.object) { connection.top.abort() } }

    /// Waits until the server is closed and no connection is open. Handlers can still be running; see
    /// ``shutdown(within:)``.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. The cancellation does not affect the server or its
    ///   connections.
    ///
    /// asyncio: `Server.wait_closed`.
    public func waitClosed() async throws {
        try await wait { state == .closed && connections.isEmpty }
    }

    /// Shuts the server down gracefully.
    ///
    /// The server stops accepting connections, and waits up to `grace` for the open connections and their handlers to
    /// finish. After that, it aborts the remaining connections and cancels the handlers that are still running, even if
    /// their connections are already closed. It then waits for the handlers to clean up. This wait lasts at most
    /// `grace` or one second, whichever is longer. A client that never disconnects therefore cannot prevent the
    /// shutdown. A handler continues after the shutdown only if it ignores its cancellation.
    ///
    /// Only this method ends handlers. ``close()``, ``closeClients()``, ``abortClients()``, and ``waitClosed()`` behave
    /// as in asyncio. A handler that sleeps, or that waits for something other than its connection, continues after
    /// these methods return. To end such a handler, call ``shutdown(within:)``.
    ///
    /// - Parameter grace: How long to wait for the connections and handlers to end on their own.
    /// - Returns: The number of connections that were aborted.
    /// - Throws: ``RuntimeError`` if one of the server's own handlers calls this method, because the handler would wait
    ///   for itself; `CancellationError` if the task is cancelled, in which case the remaining connections are aborted
    ///   first.
    ///
    /// asyncio: none; the closest equivalents are `Server.close_clients` and `Server.abort_clients`.
    @discardableResult
    public func shutdown(within grace: Duration) async throws -> Int {
        if let task = runningTask(), handlers.values.contains(where: { $0 === task }) {
            throw RuntimeError(
                "shutdown() waits for the server's handlers and cannot be called by one of them; call close() there, "
                    + "or call shutdown() in another task")
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
                // A handler that ignores its cancellation cannot be ended.
            }
            return cut
        }
    }

    /// Shuts the server down gracefully, as ``shutdown(within:)`` does, and reports the progress.
    ///
    /// ```swift
    /// try await server.shutdown(within: .seconds(30)) { left in log("\(left) connections are left") }
    /// ```
    ///
    /// - Parameters:
    ///   - grace: How long to wait for the connections and handlers to end on their own.
    ///   - progress: A closure that receives the number of open connections. The closure is called at the start of the
    ///     shutdown and whenever a connection ends.
    /// - Returns: The number of connections that were aborted.
    /// - Throws: The same errors as ``shutdown(within:)``, including `CancellationError` if the task is cancelled, in
    ///   which case the remaining connections are aborted first.
    @discardableResult
    public func shutdown(within grace: Duration, progress: @escaping (_ left: Int) -> Void) async throws -> Int {
        onProgress = progress
        defer { onProgress = nil }
        progress(connections.count)
        return try await shutdown(within: grace)
    }

    /// Waits until the server is closed, even if connections are still open.
    func waitClosing() async throws { try await wait { state == .closed } }

    private func wait(until isOver: () -> Bool) async throws {
        while !isOver() { try await idlers.park(for: "the end of a Server", on: self) }
    }

    private func wakeIdlers() {
        if state == .closed, connections.isEmpty { idlers.wake() }
    }

    // MARK: Accepting

    private func unwatchAll() {
        for listener in listeners { listener.stopAccepting() }
    }

    private func watch(_ listener: any StreamListener) throws {
        // The loop retains the server until the server is closed, as it retains tasks.
        try listener.startAccepting { [self] in acceptConnections(on: listener) }
    }

    /// Accepts the waiting connections, up to a limit that lets other work run.
    private func acceptConnections(on listener: any StreamListener) {
        for _ in 0..<acceptsPerTurn {
            guard state == .serving else { return }
            if connections.count >= options.maxConnections ?? .max {
                isFull = true
                return unwatchAll()
            }
            do {
                let connection = try listener.accept()
                // Behind a proxy, the peer is not known yet.
                let isAdmitted = options.expectsProxyHeader || admit(connection)
                if isAdmitted { adopt(connection) } else { connection.abort() }
            } catch {
                if error != .wouldBlock { pause(listener, after: error) }
                return
            }
        }
    }

    /// Starts to serve a connection.
    package func adopt(_ connection: ByteChannel) {
        let limits = TimeLimits(of: connection, options)
        track(connection, limits)
        guard let handler = accept(connection, self), !handler.isDone else { return }
        limits?.handler = handler
        // The key is the handler's task, which can outlive its connection.
        let id = ObjectIdentifier(handler)
        handlers[id] = handler
        handler.onDone { [weak self] _ in
            self?.handlers[id] = nil
            self?.wakeIdlers()
        }
    }

    /// Counts a channel as an open connection until the channel is lost.
    func track(_ channel: ByteChannel, _ limits: TimeLimits? = nil) {
        let id = ObjectIdentifier(channel)
        connections[id] = Unretained(channel)
        channel.onReleased = { [weak self] in
            limits?.cancel()
            self?.released(id)
        }
    }

    private func released(_ id: ObjectIdentifier) {
        connections[id] = nil
        if let host = hosts.removeValue(forKey: id), let count = peers[host] {
            peers[host] = count > 1 ? count - 1 : nil
        }
        onProgress?(connections.count)
        wakeIdlers()
        guard isFull, state == .serving else { return }
        isFull = false
        for listener in listeners {
            do { try watch(listener) } catch { retry(listener) }
        }
    }

    /// Counts a connection toward the limit for its peer. Returns false if the peer has already reached the limit.
    func admit(_ connection: ByteChannel) -> Bool {
        guard let limit = options.maxConnectionsPerPeer, let peer = connection.peerAddress, peer.system.isInternet
        else { return true }
        guard peers[peer.host] ?? 0 < limit else { return false }
        peers[peer.host, default: 0] += 1
        hosts[ObjectIdentifier(connection)] = peer.host
        return true
    }

    /// Stops accepting connections for one second after an error. The system is most likely out of descriptors or
    /// memory. The waiting connections stay in the kernel's queue.
    private func pause(_ listener: any StreamListener, after error: Errno) {
        let isShort = [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noBufferSpace, .noMemory].contains(error)
        loop.callExceptionHandler(
            ExceptionContext(
                message: isShort
                    ? "accept() is out of system resources; the server will try again in a second"
                    : "accept() failed; the server will try again in a second",
                error: OSError(error, "accepting a connection")))
        retry(listener)
    }

    private func retry(_ listener: any StreamListener) {
        listener.pauseAccepting(for: .seconds(1), while: { self.state == .serving }) { [self] in
            acceptConnections(on: listener)
        }
    }
}

/// Runs `body` with a server, and shuts the server down when `body` returns or throws an error.
///
/// - Parameters:
///   - server: The server.
///   - grace: How long to wait for the connections to end on their own; see ``Server/shutdown(within:)``.
///   - body: A closure that runs while the server is running.
/// - Returns: The value that `body` returns.
/// - Throws: Any error that `body` throws, after the server has been shut down; `CancellationError` if the task is
///   cancelled during the shutdown, in which case the remaining connections are aborted first.
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
        // This is a new wait, which an earlier cancellation of the body does not end.
        if !server.isClosed { _ = try? await server.shutdown(within: grace) }
        throw error
    }
}

extension Server {
    /// Whether the server is closed.
    public var isClosed: Bool { listeners.isEmpty }
}
