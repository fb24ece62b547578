internal import AsyncIOSystem
internal import SystemPackage

// # One port, several loops
//
// Each loop has a Server of its own, with the same handler. There are two ways for them to listen on one port:
//
//     a socket each  SO_REUSEPORT: the kernel assigns each connection to a socket by its addresses. With many
//                    connections, the loops get equal parts of them. This way is used for TCP ports.
//     one socket     All loops watch it, and the loop that accepts first gets the connection. In a burst, that is
//                    often the same loop. This way is used for Unix sockets, and for sockets that were passed.
//
// Sockets with SO_REUSEPORT do not detect that another program listens on the port. The port is therefore first bound
// without it, unless the options ask for sharing the port with other processes.
//
// Design/0018 has the measurements.

/// A server on several event loops, which listens on one port; see
/// ``startMultiLoopServer(host:port:loops:scheduling:tls:options:debug:fileID:line:_:)``.
///
/// You can use the server from any thread.
public final class MultiLoopServer: Sendable {
    /// The loops, each of which has its own connections.
    public let loops: [EventLoopThread]
    /// The addresses that the server listens on.
    public let addresses: [Endpoint]
    private let storedPort: Int?
    private let servers: [LoopLocal<Server>]

    fileprivate init(_ loops: [EventLoopThread], _ servers: [LoopLocal<Server>], _ addresses: [Endpoint], port: Int?) {
        (self.loops, self.servers, self.addresses, storedPort) = (loops, servers, addresses, port)
    }

    /// The port of the first address. If the server was started with port 0, this property is the port that the system
    /// chose.
    ///
    /// - Precondition: The server listens on a TCP port, not on a Unix socket.
    public var port: Int {
        guard let storedPort else {
            fatalError("a server on a Unix socket has no port; its path is in `MultiLoopServer.addresses`")
        }
        return storedPort
    }

    /// Returns the number of open connections of each loop.
    ///
    /// - Throws: ``RuntimeError`` if a loop has ended.
    public func connectionCounts() async throws -> [Int] {
        var counts: [Int] = []
        for (io, server) in zip(loops, servers) {
            counts.append(try await io.run { _ in server.value.connectionCount })
        }
        return counts
    }

    /// Serves until one of `signals` arrives, and then shuts down gracefully. In many programs, a call to this method
    /// is the last line of the main function.
    ///
    /// - Parameters:
    ///   - signals: The signals that end the server. The first loop handles them.
    ///   - grace: The maximum time to wait after the signal for the connections to end on their own.
    ///   - whenReady: A closure that is called when the server is listening and the signals are being caught.
    /// - Returns: The number of connections that were aborted.
    /// - Throws: ``RuntimeError`` if a signal cannot be caught; ``TimeoutError`` if a loop did not end;
    ///   `CancellationError` if the task is cancelled. After a cancellation, the server is shut down before this method
    ///   throws.
    @discardableResult
    public func serve(
        until signals: ProcessSignal..., grace: Duration, whenReady: @escaping @Sendable () -> Void = {}
    ) async throws -> Int {
        let result: Result<Void, any Error>
        do {
            try await loops[0].run { _ in
                let arrivals = try SignalSequence(signals, on: EventLoop.running)
                whenReady()
                for try await _ in arrivals { break }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        let aborted = try await shutdown(within: grace)
        try result.get()
        return aborted
    }

    /// Shuts down the servers of all loops at the same time, and then the loops; see ``Server/shutdown(within:)``.
    ///
    /// A second call waits for the same shutdown.
    ///
    /// - Parameter grace: The maximum time to wait for the connections and handlers to end on their own.
    /// - Returns: The number of connections that were aborted.
    /// - Throws: ``TimeoutError`` if a handler ignored its cancellation and did not end.
    @discardableResult
    public func shutdown(within grace: Duration) async throws -> Int {
        let aborted = await withTaskGroup(of: Int.self) { group in
            for (io, server) in zip(loops, servers) {
                // If the caller is cancelled, the shutdown of the other loops still gets its time.
                let ended = io.submit { _ in try await server.value.shutdown(within: grace) }
                // The only error is that the loop has ended, after which there is nothing to abort.
                group.addTask { (try? await ended.value) ?? 0 }
            }
            return await group.reduce(0, +)
        }
        try await loops.shutDown(within: max(grace, .seconds(1)))
        return aborted
    }
}

/// A value that belongs to one loop.
//
// SAFETY: used only in the isolation of the loop that created it.
struct LoopLocal<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

/// A function that serves a connection on one of several loops. The function receives the `EventLoopThread` of the
/// loop, and is isolated to it.
public typealias MultiLoopHandler =
    @Sendable (isolated EventLoopThread, StreamReader, StreamWriter) async throws -> Void

/// Starts a TCP server on several loops, each on its own thread, so that one process can use every core.
///
/// ```swift
/// let server = try await startMultiLoopServer(port: 8080) { io, reader, writer in
///     for try await line in reader.lines { try await writer.write(line + "\n") }
/// }
/// try await server.serve(until: .terminate, .interrupt, grace: .seconds(10))
/// ```
///
/// Each connection belongs to one loop. Handlers on the same loop can share objects without locks. Handlers on
/// different loops exchange values through actors or a ``Mailbox``.
///
/// Each loop has its own listening socket. The kernel distributes the connections among these sockets, based on the
/// addresses of the connections. With `options.reusePort`, other processes can also listen on the same port.
///
/// You can call this function from any task, with or without an event loop.
///
/// - Parameters:
///   - host: The host name or address to listen on, or `.anyInterface`.
///   - port: The port to listen on, or 0 to let the system choose one; see ``MultiLoopServer/port``.
///   - loops: The number of loops.
///   - scheduling: How the system schedules the threads of the loops. See ``EventLoopThread/Scheduling/batch`` for
///     servers on busy processors.
///   - tls: The configuration from which each loop creates a TLS context, or `nil` for plain TCP.
///   - options: Additional settings, which most servers do not need.
///   - debug: Whether the loops run in debug mode, or `nil` for the default.
///   - handler: A function that serves a connection; see
///     ``startServer(host:port:tls:options:isolation:fileID:line:_:)``.
/// - Throws: The same errors as ``startServer(host:port:tls:options:isolation:fileID:line:_:)``; ``ValueError`` if the
///   number of loops is not positive.
public func startMultiLoopServer(
    host: String? = .anyInterface, port: Int, loops: EventLoopThread.Count = .perProcessor,
    scheduling: EventLoopThread.Scheduling = .normal, tls: TLSContext.Configuration? = nil,
    options: Server.Options = Server.Options(), debug: Bool? = nil,
    fileID: StaticString = #fileID, line: UInt = #line, _ handler: @escaping MultiLoopHandler
) async throws -> MultiLoopServer {
    try await startMultiLoopServer(
        on: .tcp(host: host, port: port), loops: loops, scheduling: scheduling, tls: tls, options: options,
        debug: debug, fileID: fileID, line: line, handler)
}

/// Starts a server on several loops, with any kind of listener; see
/// ``startMultiLoopServer(host:port:loops:scheduling:tls:options:debug:fileID:line:_:)``.
///
/// If the loops share a Unix socket or a socket that the caller passes, they compete for connections. All connections
/// in a burst can go to the same loop.
///
/// - Parameter listener: The listener.
public func startMultiLoopServer(
    on listener: Server.Listener, loops: EventLoopThread.Count = .perProcessor,
    scheduling: EventLoopThread.Scheduling = .normal, tls: TLSContext.Configuration? = nil,
    options: Server.Options = Server.Options(), debug: Bool? = nil,
    fileID: StaticString = #fileID, line: UInt = #line, _ handler: @escaping MultiLoopHandler
) async throws -> MultiLoopServer {
    guard loops.number > 0 else { throw ValueError("loops must be at least 1, got \(loops.number)") }
    var threads: [EventLoopThread] = []
    var servers: [LoopLocal<Server>] = []
    var (listener, options) = (listener, options)
    do {
        for index in 0..<loops.number {
            threads.append(try EventLoopThread(name: "server-\(index)", debug: debug, scheduling: scheduling))
        }
        if listener.isTCP, !options.reusePort {
            listener = try await threads[0].run { [listener, options] io in
                try await listener.onFreePort(options, on: io.loop)
            }
        }
        options.reusePort = listener.isTCP
        let start = { @Sendable [options] (io: EventLoopThread, listener: Server.Listener) async throws in
            try await io.run { io in
                LoopLocal(
                    try await startServer(
                        on: listener, tls: tls.map { try TLSContext($0) }, options: options, fileID: fileID, line: line
                    ) { reader, writer in
                        try await handler(io, reader, writer)
                    })
            }
        }
        let first = try await start(threads[0], listener.forFirstLoop)
        servers.append(first)
        let (addresses, sockets, port) = try await threads[0].run { _ in
            (first.value.addresses, first.value.sockets, first.value.knownPort)
        }
        for io in threads.dropFirst() {
            servers.append(try await start(io, listener.forNextLoop(port: port, sockets)))
        }
        return MultiLoopServer(threads, servers, addresses, port: port)
    } catch {
        // The error that prevented the start is more useful than an error of the shutdown.
        try? await threads.shutDown(within: .seconds(1))
        throw error
    }
}

extension Worker {
    /// Serves on several loops until the worker is asked to stop, so that each worker uses more than one core. This
    /// method starts a server on ``sockets``, reports that the worker is ready, waits until the worker is asked to
    /// stop, and shuts the server down within ``grace``.
    ///
    /// - Parameters:
    ///   - loops: The number of loops of this worker. Processes are isolated from each other, whereas loops share
    ///     memory. Use one worker for each group of loops that should fail and restart together.
    ///   - scheduling: How the system schedules the threads of the loops.
    ///   - tls: The TLS configuration, or `nil` for no TLS.
    ///   - options: Additional settings, which most servers do not need.
    ///   - handler: A function that serves a connection.
    /// - Throws: The same errors as ``startMultiLoopServer(on:loops:scheduling:tls:options:debug:fileID:line:_:)`` and
    ///   ``MultiLoopServer/shutdown(within:)``; `CancellationError` if the task is cancelled. After a cancellation, the
    ///   server is shut down before this method throws.
    public func serve(
        loops: EventLoopThread.Count, scheduling: EventLoopThread.Scheduling = .normal,
        tls: TLSContext.Configuration? = nil, options: Server.Options = Server.Options(),
        fileID: StaticString = #fileID, line: UInt = #line,
        _ handler: @escaping MultiLoopHandler
    ) async throws {
        let server = try await startMultiLoopServer(
            on: .sockets(sockets), loops: loops, scheduling: scheduling, tls: tls, options: options, fileID: fileID,
            line: line, handler)
        ready()
        let result: Result<Void, any Error>
        do {
            try await waitUntilStopping()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await server.shutdown(within: grace)
        try result.get()
    }
}
