internal import AsyncIO

/// A client for Redis or Valkey. It connects to one server, to a master that Sentinels monitor, or to a cluster.
///
/// ```swift
/// let redis = try RedisClient(RedisConfiguration(url: "redis://localhost"))
/// try await redis.set("answer", 42)
/// print(try await redis.get("answer")?.integer ?? 0)
/// await redis.close()
/// ```
///
/// Several tasks can use a client at the same time. The commands that they send in one turn of the loop go to the
/// server in one write, and no command waits for the reply to another command. The client connects when it is first
/// used, and reconnects if the connection is lost. In that case, commands that have been sent but not answered fail
/// with a ``RedisConnectionError``, because only the program can decide whether it is safe to send them twice. Commands
/// that have not been sent wait for the new connection.
///
/// A client belongs to the loop on which it was created.
///
/// redis-py: `redis.asyncio.Redis`.
public final class RedisClient: RedisSending {
    // Loop thread only.
    let router: any RedisRouter
    private(set) lazy var hub: PubSubHub = RedisClient.makeHub(configuration, router)
    /// The hubs of sharded channels in a cluster, by slot.
    var shards: [Int: PubSubHub] = [:]

    /// The settings of the client.
    public let configuration: RedisConfiguration
    /// Whether ``close()`` was called.
    public private(set) var isClosed = false

    /// Creates a client, which connects when it is first used.
    public init(_ configuration: RedisConfiguration = RedisConfiguration()) {
        self.configuration = configuration
        router =
            switch configuration.topology {
            case .standalone(let address): StandaloneRouter(configuration, RedisTarget(address))
            case .unix(let path): StandaloneRouter(configuration, RedisTarget(path: path))
            case .sentinel(let sentinels, let master): SentinelRouter(configuration, sentinels, master: master)
            case .cluster(let seeds): ClusterRouter(configuration, seeds)
            }
    }

    deinit { router.close() }

    private static func makeHub(_ configuration: RedisConfiguration, _ router: any RedisRouter) -> PubSubHub {
        PubSubHub(configuration) { try await router.connect(for: nil) }
    }

    // MARK: Sending

    /// Sends a command and waits for the reply.
    ///
    /// - Throws: ``RedisError`` if the reply is an error; ``RedisConnectionError`` if the connection is lost or cannot
    ///   be opened; ``RedisTimeoutError`` if the reply does not arrive in time; ``RedisProtocolError`` if the reply is
    ///   not RESP; `ValueError` if the configuration is not valid; `CancellationError` if the task is cancelled. In
    ///   that case, the server may still execute the command, but the client drops the reply.
    ///
    /// redis-py: `execute_command`.
    public func send(_ command: RedisCommand) async throws -> RedisValue {
        // Most commands find an open connection.
        if command.timeLimit == .standard, let link = router.openLink {
            let future = Future<RedisReply>()
            link.send(command, .single(future))
            switch try await future.value {
            case .value(.error(let error)): throw error
            case .value(let value): return value
            case .failure(let error as RedisConnectionError) where !error.mayHaveBeenExecuted: break
            case .failure(let error): throw error
            }
        }
        switch try await router.send(command) {
        case .value(.error(let error)): throw error
        case .value(let value): return value
        case .failure(let error): throw error
        }
    }

    /// Sends several commands together and waits for all replies.
    ///
    /// The replies are in the order of the commands. An error reply appears as ``RedisValue/error(_:)``. The commands
    /// of other tasks do not come between these commands, but the server does not execute them atomically; see
    /// ``transaction(_:)``.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``, but not ``RedisError``.
    ///
    /// redis-py: `pipeline(transaction=False)`.
    public func send(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        if let link = router.openLink, !commands.isEmpty {
            let group = ReplyGroup(count: commands.count)
            link.send(commands, group)
            switch try await group.future.value {
            case .value(let value): return try value.array
            case .failure(let error as RedisConnectionError) where !error.mayHaveBeenExecuted: break
            case .failure(let error): throw error
            }
        }
        switch try await router.send(commands) {
        case .value(let value): return try value.array
        case .failure(let error): throw error
        }
    }

    // MARK: Separate connections

    /// Runs `body` with a connection that no other task uses. Use a separate connection for commands that block, for
    /// `WATCH`, and for other commands that change the state of a connection.
    ///
    /// The connection is returned to a pool, unless `body` throws an error or changes the state of the connection.
    ///
    /// - Parameters:
    ///   - key: In a cluster, a key that `body` uses. The connection is opened to the server that has this key.
    ///   - body: A closure that uses the connection.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; the errors that occur while connecting; `CancellationError` if the task is
    ///   cancelled. When an error is thrown, the connection is closed.
    ///
    /// redis-py: `single_connection_client`.
    public func withConnection<T>(
        for key: (any RedisArgument)? = nil, _ body: nonisolated(nonsending) (RedisConnection) async throws -> T
    ) async throws -> T {
        if isClosed { throw RedisConnectionError.closed }
        do {
            return try await router.node(for: key?.redisBytes).withConnection(body)
        } catch {
            router.noteFailure(error)
            throw error
        }
    }

    // MARK: Closing

    /// Closes all connections. Commands that have not been answered fail. Calling this method again has no effect.
    ///
    /// redis-py: `aclose`.
    public func close() async {
        isClosed = true
        router.close()
        hub.close()
        for hub in shards.values { hub.close() }
    }
}

/// Creates a client, runs `body` with it, and closes the client.
///
/// ```swift
/// try await withRedis("redis://localhost") { redis in
///     try await redis.set("answer", 42)
/// }
/// ```
///
/// - Parameter url: The URL of the server; see ``RedisConfiguration/init(url:)``.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; `ValueError` if the URL is not valid.
///
/// redis-py: `async with Redis.from_url(url) as redis`.
public func withRedis<T>(
    _ url: String, _ body: nonisolated(nonsending) (RedisClient) async throws -> T
) async throws -> T {
    try await withRedis(RedisConfiguration(url: url), body)
}

/// Creates a client, runs `body` with it, and closes the client.
///
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`.
public func withRedis<T>(
    _ configuration: RedisConfiguration, _ body: nonisolated(nonsending) (RedisClient) async throws -> T
) async throws -> T {
    let client = RedisClient(configuration)
    let value: T
    do {
        value = try await body(client)
    } catch {
        await client.close()
        throw error
    }
    await client.close()
    return value
}
