/// A set of connections that tasks share. Each connection is used by one task at a time.
///
/// ```swift
/// let pool = ConnectionPool(size: 10) {
///     try await Database.connect(to: url)
/// } close: {
///     $0.close()
/// }
/// let rows = try await pool.withConnection { try await $0.query("…") }
/// ```
///
/// Connections are opened when they are needed. After use, they stay open for the next task, which gets the one that
/// was used most recently. Tasks that find all connections in use wait in FIFO order. For streams, see
/// ``streams(to:tls:options:size:idleTime:)``.
///
/// asyncio: none. aiohttp: `TCPConnector`. asyncpg: `Pool`. Rust: `bb8`, `deadpool`.
public final class ConnectionPool<Connection> {
    private struct Idle {
        let connection: Connection
        let deadline: Int64
    }

    // Loop thread only.
    private let idleTime: Duration
    private let open: () async throws -> Connection
    private let discard: (Connection) -> Void
    private let check: ((Connection) async throws -> Bool)?
    /// In the order in which they were used, with the latest one last.
    private var idle: [Idle] = []
    private let slots: Slots
    private var timer: TimerHandle?

    /// The maximum number of connections.
    public let size: Int

    /// Whether ``close()`` was called.
    public private(set) var isClosed = false

    /// Creates a pool without connections.
    ///
    /// - Parameters:
    ///   - size: The maximum number of connections.
    ///   - idleTime: How long an unused connection stays open.
    ///   - open: Opens a connection.
    ///   - close: Closes a connection. It cannot suspend.
    ///   - check: Returns whether a connection that was idle can still be used. If it returns false or throws, the
    ///     connection is closed, and the next one is used. By default, idle connections are not checked.
    /// - Precondition: `size` and `idleTime` are positive. For numbers from outside the program, use
    ///   ``init(validatingSize:idleTime:open:close:check:)``.
    public init(
        size: Int = 10, idleTime: Duration = .seconds(60), open: @escaping () async throws -> Connection,
        close: @escaping (Connection) -> Void, check: ((Connection) async throws -> Bool)? = nil
    ) {
        if let mistake = Self.mistake(size, idleTime) {
            stop(mistake, instead: "ConnectionPool(validatingSize:idleTime:open:close:check:)")
        }
        self.size = size
        self.idleTime = idleTime
        self.open = open
        discard = close
        self.check = check
        slots = Slots(size)
    }

    /// Creates a pool from numbers that are computed or come from outside the program; see
    /// ``init(size:idleTime:open:close:check:)``.
    ///
    /// - Throws: ``ValueError`` if `size` or `idleTime` is not positive.
    public convenience init(
        validatingSize size: Int, idleTime: Duration = .seconds(60), open: @escaping () async throws -> Connection,
        close: @escaping (Connection) -> Void, check: ((Connection) async throws -> Bool)? = nil
    ) throws(ValueError) {
        if let mistake = Self.mistake(size, idleTime) { throw ValueError(mistake) }
        self.init(size: size, idleTime: idleTime, open: open, close: close, check: check)
    }

    private static func mistake(_ size: Int, _ idleTime: Duration) -> String? {
        if size < 1 { return "size must be positive, got \(size)" }
        return idleTime > .zero ? nil : "idleTime must be positive, got \(idleTime)"
    }

    deinit {
        timer?.cancel()
        for one in idle { discard(one.connection) }
    }

    /// The number of connections that are open and not in use.
    public var idleCount: Int { idle.count }

    /// How many connections are in use, or being opened.
    public private(set) var usedCount = 0

    /// Runs `body` with a connection from the pool. Waits until one is available, and opens it if necessary.
    ///
    /// If `body` throws, the connection is closed, because it may be in the middle of an exchange.
    ///
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`, and of opening a connection; ``RuntimeError`` if the pool is closed;
    ///   `CancellationError` if the task is cancelled.
    public func withConnection<T>(
        _ body: nonisolated(nonsending) (Connection) async throws -> T
    ) async throws -> T {
        if isClosed { throw RuntimeError("the connection pool is closed") }
        try await slots.take(for: "ConnectionPool.withConnection()", on: self)
        usedCount += 1
        defer {
            usedCount -= 1
            slots.release()
        }
        let connection = try await takeConnection()
        let value: T
        do {
            value = try await body(connection)
        } catch {
            discard(connection)
            throw error
        }
        keep(connection)
        return value
    }

    /// Closes the connections that are not in use now, and those in use when they are returned. Waiting tasks get an
    /// error. Calling this again does nothing.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        // They find that the pool is closed, and do not wait for the connections in use.
        for waiter in slots.line.waiters where !waiter.isDone { slots.release() }
        dropIdle { _ in true }
    }

    // MARK: Internals

    private func takeConnection() async throws -> Connection {
        while true {
            if isClosed { throw RuntimeError("the connection pool is closed") }
            guard let connection = idle.popLast()?.connection else { break }
            guard let check else { return connection }
            do {
                if try await check(connection) { return connection }
            } catch let error where isCancellation(error) {
                discard(connection)
                throw error
            } catch {}
            discard(connection)
        }
        return try await open()
    }

    private func keep(_ connection: Connection) {
        if isClosed { return discard(connection) }
        let loop = EventLoop.required(for: "ConnectionPool")
        idle.append(Idle(connection: connection, deadline: loop.time.advanced(by: idleTime)))
        if timer == nil { dropLater(on: loop) }
    }

    /// Closes connections when they have been idle for too long, until there are no idle connections.
    private func dropLater(on loop: EventLoop) {
        timer = nil
        guard let first = idle.first else { return }
        timer = loop.schedule(
            .callback { [weak self, unowned loop] in
                self?.dropIdle { $0.deadline <= loop.time }
                self?.dropLater(on: loop)
            }, at: first.deadline)
    }

    private func dropIdle(where isOver: (Idle) -> Bool) {
        // The list has to be changed before code of the program runs.
        let over = idle.filter(isOver)
        idle.removeAll(where: isOver)
        if idle.isEmpty {
            timer?.cancel()
            timer = nil
        }
        for one in over { discard(one.connection) }
    }
}

extension ConnectionPool where Connection == (StreamReader, StreamWriter) {
    /// Returns a pool of streams to a server. Connections that the server has closed are not used again, nor are those on
    /// which bytes have arrived that nothing asked for, because they would be taken for the next answer.
    ///
    /// ```swift
    /// let pool = ConnectionPool.streams(to: .tcp(host: "cache", port: 11211), size: 20)
    /// ```
    ///
    /// - Parameters:
    ///   - target: What to connect to.
    ///   - tls: A client context for TLS, or `nil` to connect without TLS.
    ///   - options: Settings that most connections do not need.
    ///   - size: The maximum number of connections.
    ///   - idleTime: How long an unused connection stays open.
    /// - Precondition: `size` and `idleTime` are positive.
    public static func streams(
        to target: ConnectionTarget, tls: TLSContext? = nil, options: ConnectionOptions = ConnectionOptions(),
        size: Int = 10, idleTime: Duration = .seconds(60)
    ) -> ConnectionPool {
        ConnectionPool(size: size, idleTime: idleTime) {
            try await openConnection(to: target, tls: tls, options: options)
        } close: {
            $0.1.close()
        } check: {
            !$0.0.isAtEOF && $0.0.isBufferEmpty && $0.0.error == nil && !$0.1.isClosing
        }
    }
}
