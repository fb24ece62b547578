internal import AsyncIO

/// Sends all commands to the master that Sentinels monitor. Loop thread only.
//
// The client asks for the master's address before it opens a connection. After a failover, either the connections to
// the old master are lost, or the old master answers that it is a replica. In both cases, the client asks again.
final class SentinelRouter: RedisRouter {
    private let configuration: RedisConfiguration
    private let node: RedisNode

    init(_ configuration: RedisConfiguration, _ sentinels: [RedisConfiguration.Address], master: String) {
        self.configuration = configuration
        let finder = MasterFinder(configuration, sentinels, master: master)
        node = RedisNode(configuration) { try await finder.connect() }
    }

    func send(_ command: RedisCommand) async throws -> RedisReply {
        try await untilWritable { try await node.send(command) }
    }

    func send(_ commands: [RedisCommand]) async throws -> RedisReply {
        try await untilWritable { try await node.send(commands) }
    }

    func sendTogether(_ commands: [RedisCommand]) async throws -> RedisReply { try await send(commands) }

    /// Sends commands again on another connection if the server has become a replica. In that case, the server has
    /// executed none of the commands.
    private func untilWritable(_ send: nonisolated(nonsending) () async throws -> RedisReply) async throws -> RedisReply
    {
        var generator = SystemRandomNumberGenerator()
        var attempt = 1
        while true {
            let reply = try await send()
            guard attempt < configuration.connectAttempts, let error = Self.refusal(of: reply) else { return reply }
            node.reconnect(because: error)
            try await sleep(configuration.backoff.delay(afterFailure: attempt, using: &generator))
            attempt += 1
        }
    }

    private static func refusal(of reply: RedisReply) -> RedisError? {
        switch reply {
        case .value(.error(let error)) where error.code == .readOnly: return error
        case .value(.array(let values)):
            // Executed commands must not be sent again, so the commands are repeated only if the server refused all of
            // them.
            var first: RedisError?
            for value in values {
                guard case .error(let error) = value, error.code == .readOnly else { return nil }
                first = first ?? error
            }
            return first
        default: return nil
        }
    }

    func node(for key: [UInt8]?) async throws -> RedisNode { node }
    func masters() async throws -> [RedisNode] { [node] }
    func close() { node.close() }
}

/// Asks Sentinels for the address of a master. Loop thread only.
final class MasterFinder {
    private let connector: RedisConnector
    private let master: String
    /// The addresses of the Sentinels. The Sentinel that answered most recently is first.
    private var sentinels: [RedisConfiguration.Address]

    init(_ configuration: RedisConfiguration, _ sentinels: [RedisConfiguration.Address], master: String) {
        connector = RedisConnector(configuration)
        self.sentinels = sentinels
        self.master = master
    }

    /// Opens a connection to the master.
    func connect() async throws -> RedisLink {
        let address = try await find()
        let link = try await connector.connect(to: address)
        do {
            // A Sentinel that was cut off from the others may still return the address of the old master.
            guard case .value(let role) = try await link.send(RedisCommand("ROLE")),
                try role.array.first?.string == "master"
            else {
                throw RedisConnectionError("\(address) is not a master", mayHaveBeenExecuted: false)
            }
        } catch {
            link.close()
            throw error
        }
        return link
    }

    private func find() async throws -> RedisConfiguration.Address {
        var failures: [String] = []
        for sentinel in sentinels {
            do {
                let address = try await ask(sentinel)
                sentinels.removeAll { $0 == sentinel }
                sentinels.insert(sentinel, at: 0)
                return address
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures.append("\(sentinel): \(error)")
            }
        }
        throw RedisConnectionError(
            "no Sentinel returned the address of \(master) (\(failures.joined(separator: "; ")))",
            mayHaveBeenExecuted: false)
    }

    private func ask(_ sentinel: RedisConfiguration.Address) async throws -> RedisConfiguration.Address {
        let configuration = connector.configuration
        let link = try await RedisLink.connect(
            to: RedisTarget(sentinel), tls: connector.context(), configuration,
            credentials: configuration.sentinelCredentials, database: 0)
        defer { link.close() }
        switch try await link.send(RedisCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", master)) {
        case .failure(let error): throw error
        case .value(.error(let error)): throw error
        case .value(let value):
            guard !value.isNull else { throw RuntimeError("it does not monitor this master") }
            let parts = try value.decode(as: [String].self)
            guard parts.count == 2, let port = Int(parts[1]) else { throw value.mismatch("a host and a port") }
            return RedisConfiguration.Address(host: parts[0], port: port)
        }
    }
}
