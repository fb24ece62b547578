internal import AsyncIO

/// Finds the server for a command. Loop thread only.
protocol RedisRouter: AnyObject {
    /// An open connection that can be used for any command, if there is only one server and it is connected.
    var openLink: RedisLink? { get }
    func send(_ command: RedisCommand) async throws -> RedisReply
    /// Sends commands, and returns their replies as the elements of an array.
    func send(_ commands: [RedisCommand]) async throws -> RedisReply
    /// Sends commands that one server must execute without other commands in between.
    func sendTogether(_ commands: [RedisCommand]) async throws -> RedisReply
    /// Returns the server that has a key, or any server if the key is nil.
    func node(for key: [UInt8]?) async throws -> RedisNode
    /// Records an error that indicates a wrong or unavailable server.
    func noteFailure(_ error: any Error)
    /// Returns the servers that together have all keys.
    func masters() async throws -> [RedisNode]
    func close()
}

extension RedisRouter {
    var openLink: RedisLink? { nil }
    func noteFailure(_ error: any Error) {}

    /// Opens a connection to the server that has a key, or to any server if the key is nil.
    func connect(for key: [UInt8]?) async throws -> RedisLink {
        do {
            return try await node(for: key).connect()
        } catch {
            noteFailure(error)
            throw error
        }
    }
}

/// The values that all connections of a client share: the settings and the TLS context.
final class RedisConnector {
    let configuration: RedisConfiguration
    private var tls: TLSContext?

    init(_ configuration: RedisConfiguration) { self.configuration = configuration }

    func connect(to address: RedisConfiguration.Address) async throws -> RedisLink {
        try await connect(to: RedisTarget(address))
    }

    func connect(to target: RedisTarget) async throws -> RedisLink {
        try configuration.validate()
        return try await RedisLink.connect(
            to: target, tls: context(), configuration, credentials: configuration.credentials,
            database: configuration.database)
    }

    func context() throws -> TLSContext? {
        guard let settings = configuration.tls else { return nil }
        if let tls { return tls }
        let context = try TLSContext(settings)
        tls = context
        return context
    }
}

/// Sends all commands to one server.
final class StandaloneRouter: RedisRouter {
    private let node: RedisNode

    init(_ configuration: RedisConfiguration, _ target: RedisTarget) {
        let connector = RedisConnector(configuration)
        node = RedisNode(configuration) { try await connector.connect(to: target) }
    }

    var openLink: RedisLink? { node.openLink }
    func send(_ command: RedisCommand) async throws -> RedisReply { try await node.send(command) }
    func send(_ commands: [RedisCommand]) async throws -> RedisReply { try await node.send(commands) }
    func sendTogether(_ commands: [RedisCommand]) async throws -> RedisReply { try await node.send(commands) }
    func node(for key: [UInt8]?) async throws -> RedisNode { node }
    func masters() async throws -> [RedisNode] { [node] }
    func close() { node.close() }
}
