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
/// Connections are opened when they are needed, and stay open after use. The next task gets the connection that was
/// used most recently. If all connections are in use, tasks wait in FIFO order. For streams, see
/// ``streams(to:tls:options:size:idleTime:)``.
///
/// asyncio: none. aiohttp: `TCPConnector`. asyncpg: `Pool`. Rust: `bb8`, `deadpool`.
//
// The part that depends on the type of the connections is inlinable, so that it is specialized in the user's module. The
// rest is in PoolState.
public final class ConnectionPool<Connection> {
    // Loop thread only.
    private let open: () async throws -> Connection
    private let discard: (Connection) -> Void
    private let check: ((Connection) async throws -> Bool)?
    @usableFromInline let hasCheck: Bool
    @usableFromInline let state: PoolState

    /// The maximum number of connections.
    public let size: Int

    /// Whether ``close()`` has been called.
    public var isClosed: Bool { state.isClosed }

    /// Creates a pool that has no connections yet.
    ///
    /// - Parameters:
    ///   - size: The maximum number of connections.
    ///   - idleTime: How long an unused connection stays open.
    ///   - open: A closure that opens a connection.
    ///   - close: A closure that closes a connection. The closure cannot suspend.
    ///   - check: A closure that returns whether an idle connection can still be used. If the closure returns `false`
    ///     or throws an error, the connection is closed, and the next idle connection is tried. By default, idle
    ///     connections are not checked.
    /// - Precondition: `size` and `idleTime` are positive. For values that are known only at run time, use
    ///   ``init(validatingSize:idleTime:open:close:check:)``.
    public init(
        size: Int = 10, idleTime: Duration = .seconds(60), open: @escaping () async throws -> Connection,
        close: @escaping (Connection) -> Void, check: ((Connection) async throws -> Bool)? = nil
    ) {
        if let mistake = Self.mistake(size, idleTime) {
            stop(mistake, instead: "ConnectionPool(validatingSize:idleTime:open:close:check:)")
        }
        self.size = size
        self.open = open
        discard = close
        self.check = check
        hasCheck = check != nil
        state = PoolState(size: size, idleTime: idleTime)
    }

    /// Creates a pool from values that are known only at run time; see ``init(size:idleTime:open:close:check:)``.
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

    /// The number of connections that are open and not in use.
    public var idleCount: Int { state.idleCount }

    /// The number of connections that are in use or being opened.
    public var usedCount: Int { state.usedCount }

    /// Runs `body` with a connection from the pool. If all connections are in use, the method waits until a connection
    /// is available. If no idle connection can be used, the method opens a new connection.
    ///
    /// If `body` throws an error, the connection is closed, because it may be in the middle of an exchange.
    ///
    /// - Returns: The value that `body` returns.
    /// - Throws: Any error that `body` or the pool's `open` closure throws; ``RuntimeError`` if the pool is closed;
    ///   `CancellationError` if the task is cancelled.
    @inlinable
    public func withConnection<T>(
        _ body: nonisolated(nonsending) (Connection) async throws -> T
    ) async throws -> T {
        if try !state.beginNoWait() { try await state.begin(self) }
        defer { state.end() }
        let idle = try state.takeIdle()
        let taken: PooledConnection<Connection>
        if let idle, !hasCheck { taken = pooled(idle) } else { taken = try await find(idle) }
        let value: T
        do {
            value = try await body(taken.connection)
        } catch {
            taken.close()
            throw error
        }
        state.keep(taken)
        return value
    }

    /// Closes the idle connections at once, and the other connections when they are returned to the pool. Waiting tasks
    /// receive an error. Further calls do nothing.
    public func close() { state.close() }

    // MARK: Internals

    // SAFETY: the state of a pool contains only connections of its type.
    @inlinable
    func pooled(_ idle: AnyPooledConnection) -> PooledConnection<Connection> {
        unsafe unsafeDowncast(idle, to: PooledConnection<Connection>.self)
    }

    /// Returns `idle` if that connection can be used. Otherwise, the method returns another idle connection or a new
    /// connection.
    @usableFromInline
    func find(_ idle: AnyPooledConnection?) async throws -> PooledConnection<Connection> {
        var next = idle
        while let idle = next {
            let taken = pooled(idle)
            guard let check else { return taken }
            do {
                if try await check(taken.connection) { return taken }
            } catch let error where isCancellation(error) {
                taken.close()
                throw error
            } catch {}
            taken.close()
            next = try state.takeIdle()
        }
        return PooledConnection(try await open(), discard)
    }
}

extension ConnectionPool where Connection == (StreamReader, StreamWriter) {
    /// Returns a pool of streams to a server. A connection is not reused if the server has closed it. A connection is
    /// also not reused if unrequested bytes have arrived, because these bytes would be mistaken for the next response.
    ///
    /// ```swift
    /// let pool = ConnectionPool.streams(to: .tcp(host: "cache", port: 11211), size: 20)
    /// ```
    ///
    /// - Parameters:
    ///   - target: The target to which the connections are opened.
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
