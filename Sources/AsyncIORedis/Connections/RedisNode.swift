internal import AsyncIO

/// A server, and the connections to it that all tasks share. Loop thread only.
//
// If no connection is open, tasks wait for one. A single task connects for all of them, with increasing pauses between
// attempts, so that a server that has just restarted is not overloaded.
final class RedisNode {
    private let configuration: RedisConfiguration
    private let connectOnce: Connector
    private var links: [RedisLink] = []
    private var nextLink = 0
    private var waiters: [Future<RedisReply>] = []
    private var connector: AsyncTask<Void>?
    /// The number of consecutive failed attempts to connect.
    private var failures = 0
    private(set) var isClosed = false
    /// The pool of connections, each of which is used by one task at a time. The pool is created on first use.
    private var pool: ConnectionPool<RedisConnection>?
    /// The connections that tasks are currently using.
    private var lent: [ObjectIdentifier: RedisConnection] = [:]

    /// Opens a connection to the server at its current address.
    typealias Connector = nonisolated(nonsending) () async throws -> RedisLink

    init(_ configuration: RedisConfiguration, connect: @escaping Connector) {
        self.configuration = configuration
        connectOnce = connect
    }

    deinit {
        connector?.cancel()
        for link in links { link.close() }
    }

    // MARK: Sending

    /// Sends a command. If the connection is lost before the command is written, the command is sent on the next
    /// connection.
    func send(_ command: RedisCommand) async throws -> RedisReply {
        var attempts = 0
        while true {
            let link = if let link = openLink { link } else { try await waitForLink() }
            let reply = try await link.send(command)
            attempts += 1
            guard case .failure(let error as RedisConnectionError) = reply, !error.mayHaveBeenExecuted, !isClosed,
                attempts < 3
            else { return reply }
        }
    }

    /// Sends commands together; see ``RedisLink/send(_:)-([RedisCommand])``.
    func send(_ commands: [RedisCommand]) async throws -> RedisReply {
        var attempts = 0
        while true {
            let link = if let link = openLink { link } else { try await waitForLink() }
            let reply = try await link.send(commands)
            attempts += 1
            guard case .failure(let error as RedisConnectionError) = reply, !error.mayHaveBeenExecuted, !isClosed,
                attempts < 3
            else { return reply }
        }
    }

    /// An open connection, or nil if one has to be opened first.
    @inline(__always)
    var openLink: RedisLink? {
        guard links.count == configuration.connections else { return nil }
        if links.count == 1 { return links[0].isOpen ? links[0] : nil }
        nextLink = (nextLink + 1) % links.count
        return links[nextLink].isOpen ? links[nextLink] : nil
    }

    // MARK: Connections for one task

    /// Runs `body` with a connection that no other task uses.
    func withConnection<T>(_ body: nonisolated(nonsending) (RedisConnection) async throws -> T) async throws -> T {
        while true {
            if isClosed { throw RedisConnectionError.closed }
            let pool = dedicated()
            var hasBegun = false
            do {
                return try await pool.withConnection { connection in
                    hasBegun = true
                    lent[ObjectIdentifier(connection)] = connection
                    defer { lent[ObjectIdentifier(connection)] = nil }
                    return try await body(connection)
                }
            } catch let error where hasBegun || !pool.isClosed || error is CancellationError {
                throw error
            } catch {
                // The pool was closed while this task waited, because the server has changed.
            }
        }
    }

    private func dedicated() -> ConnectionPool<RedisConnection> {
        if let pool { return pool }
        let (connect, configuration) = (connectOnce, self.configuration)
        let pool = ConnectionPool(size: configuration.dedicatedConnections) {
            try await retry(attempts: configuration.connectAttempts, backoff: configuration.backoff, when: Self.passes)
            {
                RedisConnection(try await connect())
            }
        } close: {
            $0.close()
        } check: {
            $0.isReusable
        }
        self.pool = pool
        return pool
    }

    /// Opens a connection that does not count toward the limit.
    func connect() async throws -> RedisLink { try await connectOnce() }

    // MARK: Connecting

    /// Waits until there is an open connection.
    private func waitForLink() async throws -> RedisLink {
        while true {
            if isClosed { throw RedisConnectionError.closed }
            links.removeAll { !$0.isOpen }
            startConnecting()
            if let link = links.randomElement() { return link }
            try await waitForAttempt()
        }
    }

    /// Waits until the connecting task has opened a connection or has given up.
    private func waitForAttempt() async throws {
        let waiter = Future<RedisReply>()
        waiters.append(waiter)
        let timer = try configuration.commandTimeout.map { limit in
            try EventLoop.running.callLater(limit) {
                guard !waiter.isDone else { return }
                try waiter.setResult(
                    .failure(RedisTimeoutError("waiting for a connection", limit, mayHaveBeenExecuted: false)))
            }
        }
        defer {
            timer?.cancel()
            waiters.removeAll { $0 === waiter }
        }
        if case .failure(let error) = try await waiter.value { throw error }
    }

    private func startConnecting() {
        guard connector == nil, links.count < configuration.connections else { return }
        // A capture list would make the closure concurrent, so the closure would leave the loop.
        weak let node = self
        connector = createTask(name: "connecting to Redis") { try await node?.openMissing() }
    }

    /// Opens the missing connections. Returns when they are open, or gives up after too many failures.
    private func openMissing() async throws {
        defer { connector = nil }
        var generator = SystemRandomNumberGenerator()
        var attempts = 0
        while !isClosed {
            do {
                // After failures, the first attempt also waits, so that repeated requests do not shorten the pauses.
                if failures > 0 {
                    try await sleep(configuration.backoff.delay(afterFailure: failures, using: &generator))
                }
                let link = try await connectOnce()
                if isClosed {
                    link.close()
                    break
                }
                failures = 0
                attempts = 0
                links.append(link)
                wakeAll(.value(.null))
                if links.count >= configuration.connections { break }
            } catch let error where !(error is CancellationError) {
                failures += 1
                attempts += 1
                if !Self.passes(error) || attempts >= configuration.connectAttempts {
                    return wakeAll(.failure(error))
                }
            }
        }
    }

    /// Whether another attempt to connect can succeed. This is not the case if the server rejects the user or the
    /// database.
    static func passes(_ error: any Error) -> Bool {
        if error is RedisConnectionError || error is RedisTimeoutError { return true }
        guard let error = error as? RedisError else { return false }
        return [.loading, .busy, .masterDown].contains(error.code)
    }

    private func wakeAll(_ reply: RedisReply) {
        let waiters = self.waiters
        self.waiters = []
        for waiter in waiters where !waiter.isDone { try? waiter.setResult(reply) }
    }

    // MARK: Closing

    /// Closes the connections, and lets the next command open new ones. This method is called when the server has
    /// become a replica.
    func reconnect(because error: any Error) {
        for link in links { link.close(error) }
        links = []
        pool?.close()
        pool = nil
    }

    func close() {
        isClosed = true
        connector?.cancel()
        connector = nil
        for link in links { link.close() }
        links = []
        pool?.close()
        for connection in lent.values { connection.close() }
        wakeAll(.failure(RedisConnectionError.closed))
    }
}

extension RedisConnectionError {
    /// The error that commands throw after the program has closed the client.
    static var closed: RedisConnectionError {
        RedisConnectionError("the client is closed", mayHaveBeenExecuted: false)
    }
}
