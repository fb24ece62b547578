internal import AsyncIO

/// The target of a link.
struct RedisTarget {
    let target: ConnectionTarget
    /// The name that error messages use for the server.
    let name: String

    init(_ address: RedisConfiguration.Address) {
        target = .tcp(host: address.host, port: address.port)
        name = address.description
    }

    init(path: String) {
        target = .unix(path: path)
        name = path
    }
}

extension RedisLink {
    /// Connects to a server and logs in.
    ///
    /// - Throws: ``RedisConnectionError`` if the server cannot be reached; ``RedisTimeoutError`` if connecting takes
    ///   too long; ``RedisError`` if the server refuses the user or the database; ``TLSError``; `CancellationError`.
    static func connect(
        to target: RedisTarget, tls: TLSContext?, _ configuration: RedisConfiguration,
        credentials: RedisConfiguration.Credentials?, database: Int
    ) async throws -> RedisLink {
        let loop = try EventLoop.running
        let link = RedisLink(
            on: loop, commandTimeout: configuration.commandTimeout, limits: configuration.limits)
        do {
            try await withTimeout(configuration.connectTimeout) {
                _ = try await loop.createConnection(
                    to: target.target, tls: tls,
                    options: ConnectionOptions(serverHostname: tls == nil ? nil : configuration.serverHostname)
                ) { link }
                link.open()
                try await link.logIn(configuration, credentials, database: database)
            }
        } catch let error as TimeoutError {
            link.close()
            throw RedisTimeoutError(
                "connecting to \(target.name)", error.limit ?? configuration.connectTimeout, mayHaveBeenExecuted: false)
        } catch let error where error is OSError || error is ResolveError {
            link.close()
            throw RedisConnectionError(
                "connecting to \(target.name) failed", mayHaveBeenExecuted: false, underlyingError: error)
        } catch let error as RedisProtocolError {
            link.close()
            throw RedisProtocolError("\(target.name): \(error)")
        } catch let error as RedisConnectionError {
            link.close()
            throw RedisConnectionError(
                "connecting to \(target.name) failed", mayHaveBeenExecuted: false,
                underlyingError: error.underlyingError ?? error)
        } catch {
            link.close()
            throw error
        }
        return link
    }

    private func logIn(
        _ configuration: RedisConfiguration, _ credentials: RedisConfiguration.Credentials?, database: Int
    ) async throws {
        var commands: [RedisCommand] = []
        if configuration.protocolVersion == .resp3 {
            var hello = RedisCommand("HELLO", 3)
            if let credentials {
                hello.append("AUTH")
                hello.append(credentials.user ?? "default")
                hello.append(credentials.password)
            }
            if let name = configuration.clientName {
                hello.append("SETNAME")
                hello.append(name)
            }
            commands = [hello] + (database == 0 ? [] : [RedisCommand("SELECT", database)])
            let replies = try await call(commands)
            guard case .error(let error)? = replies.first else { return try Self.check(replies) }
            // A server that does not support RESP3 answers with one of these errors. Other errors concern the
            // credentials.
            guard error.code == .noProtocol || error.text.hasPrefix("ERR unknown command") else { throw error }
        }
        commands = []
        if let credentials {
            var command = RedisCommand("AUTH")
            if let user = credentials.user { command.append(user) }
            command.append(credentials.password)
            commands.append(command)
        }
        if let name = configuration.clientName { commands.append(RedisCommand("CLIENT", "SETNAME", name)) }
        if database != 0 { commands.append(RedisCommand("SELECT", database)) }
        // If the server requires a password, this command fails.
        if commands.isEmpty { commands.append(RedisCommand("PING")) }
        try Self.check(try await call(commands))
    }

    private func call(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        switch try await send(commands) {
        case .value(let value): return try value.array
        case .failure(let error): throw error
        }
    }

    private static func check(_ replies: [RedisValue]) throws {
        for case .error(let error) in replies { throw error }
    }
}
