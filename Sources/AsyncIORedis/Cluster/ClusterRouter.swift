internal import AsyncIO

/// Sends each command to the cluster server that has the command's keys. Loop thread only.
//
// The client asks any server for the assignment of slots to servers. The client asks again when a server answers that
// another server has the slot, or when a server is unavailable.
final class ClusterRouter: RedisRouter {
    private let configuration: RedisConfiguration
    private let seeds: [RedisConfiguration.Address]
    private let connector: RedisConnector
    private var nodes: [RedisConfiguration.Address: RedisNode] = [:]
    private var topology: ClusterTopology?
    private var refresh: AsyncTask<Void>?
    private var isClosed = false

    /// The maximum number of times that a command is redirected or sent again.
    private static let mostRedirections = 16

    init(_ configuration: RedisConfiguration, _ seeds: [RedisConfiguration.Address]) {
        self.configuration = configuration
        self.seeds = seeds
        connector = RedisConnector(configuration)
    }

    // MARK: Sending

    func send(_ command: RedisCommand) async throws -> RedisReply {
        let slot = try KeySlot.common(of: command.keys)
        return try await deliver(to: slot) { node, isAsking in
            guard isAsking else { return try await node.send(command) }
            // The server executes ASKING for the next command only.
            let reply = try await node.send([RedisCommand("ASKING"), command])
            guard case .value(let values) = reply else { return reply }
            return .value(try values.array[1])
        } refusal: { reply in
            if case .value(.error(let error)) = reply { error } else { nil }
        }
    }

    func sendTogether(_ commands: [RedisCommand]) async throws -> RedisReply {
        let slot = try KeySlot.common(of: commands.flatMap(\.keys))
        return try await deliver(to: slot) { node, isAsking in
            // A cluster moves keys one by one, so a transaction waits until the move is complete.
            try await node.send(commands)
        } refusal: { reply in
            // If the server does not accept a command, it aborts the transaction, so nothing was executed.
            guard case .value(.array(let values)) = reply, case .error(let last)? = values.last,
                last.code == .transactionAborted || last.code == .moved
            else { return nil }
            for case .error(let error) in values { return error }
            return nil
        }
    }

    /// Sends commands to the server of a slot, and follows redirections.
    ///
    /// - Parameter refusal: A closure that returns the error in a reply if the error means that nothing was executed.
    private func deliver(
        to slot: KeySlot?, _ send: nonisolated(nonsending) (RedisNode, _ isAsking: Bool) async throws -> RedisReply,
        refusal: (RedisReply) -> RedisError?
    ) async throws -> RedisReply {
        var generator = SystemRandomNumberGenerator()
        var other: RedisNode?
        var failures = 0
        var attempt = 0
        while true {
            attempt += 1
            if isClosed { throw RedisConnectionError.closed }
            do {
                let node = if let other { other } else { try await self.node(of: slot) }
                let reply = try await send(node, other != nil)
                other = nil
                if case .failure(let error as RedisConnectionError) = reply {
                    forgetTopology()
                    if error.mayHaveBeenExecuted { return reply }
                    throw error
                }
                guard let error = refusal(reply), attempt < Self.mostRedirections else { return reply }
                switch error.code {
                case .moved, .ask:
                    guard let redirection = ClusterRedirection(error) else { return reply }
                    let address = resolved(redirection.address, from: node)
                    if redirection.isPermanent {
                        if let slot { topology?.move(slot, to: address) }
                        refreshSoon()
                    } else {
                        other = self.node(at: address)
                    }
                    continue
                case .tryAgain: break
                case .clusterDown, .loading, .masterDown, .readOnly: forgetTopology()
                default: return reply
                }
                failures += 1
            } catch let error where RedisNode.passes(error) {
                // The server is unavailable. After a failover, another server has its slots.
                failures += 1
                other = nil
                forgetTopology()
                guard failures < configuration.connectAttempts + 3, attempt < Self.mostRedirections else { throw error }
            }
            try await sleep(configuration.backoff.delay(afterFailure: failures, using: &generator))
        }
    }

    func send(_ commands: [RedisCommand]) async throws -> RedisReply {
        var groups: [RedisConfiguration.Address?: [Int]] = [:]
        let topology = try await currentTopology()
        for (index, command) in commands.enumerated() {
            let slot = try KeySlot.common(of: command.keys)
            groups[slot.flatMap(topology.master), default: []].append(index)
        }
        let tasks = groups.map { address, indices in
            createTask(name: "a pipeline to Redis") {
                (indices, try await self.send(indices.map { commands[$0] }, to: address))
            }
        }
        defer { for task in tasks { task.cancel() } }
        var values = [RedisValue](repeating: .null, count: commands.count)
        var unanswered: [Int] = []
        var failure: RedisReply?
        for task in tasks {
            switch try await task.value {
            case (let indices, .value(let replies)):
                for (index, value) in zip(indices, try replies.array) {
                    values[index] = value
                    guard case .error(let error) = value else { continue }
                    if [.moved, .ask, .tryAgain, .clusterDown].contains(error.code) { unanswered.append(index) }
                }
            case (let indices, let reply):
                forgetTopology()
                if case .failure(let error) = reply, Self.wasNotExecuted(error) {
                    unanswered += indices
                } else {
                    failure = reply
                }
            }
        }
        if let failure { return failure }
        // The commands are sent one by one, so that each is redirected to its server.
        for index in unanswered {
            switch try await send(commands[index]) {
            case .value(let value): values[index] = value
            case .failure(let error): return .failure(error)
            }
        }
        return .value(.array(values))
    }

    /// Sends commands to the server at an address, or to any server if the address is nil. If the server cannot be
    /// reached, it has executed none of the commands.
    private func send(
        _ commands: [RedisCommand], to address: RedisConfiguration.Address?
    ) async throws -> RedisReply {
        do {
            let node = if let address { node(at: address) } else { try await node(of: nil) }
            return try await node.send(commands)
        } catch let error where RedisNode.passes(error) {
            return .failure(error)
        }
    }

    private static func wasNotExecuted(_ error: any Error) -> Bool {
        switch error {
        case let error as RedisConnectionError: !error.mayHaveBeenExecuted
        case let error as RedisTimeoutError: !error.mayHaveBeenExecuted
        default: false
        }
    }

    // MARK: Servers

    func node(for key: [UInt8]?) async throws -> RedisNode { try await node(of: key.map { KeySlot(of: $0) }) }

    func masters() async throws -> [RedisNode] { try await currentTopology().masters.map(node(at:)) }

    private func node(of slot: KeySlot?) async throws -> RedisNode {
        let topology = try await currentTopology()
        guard let slot else {
            guard let address = topology.masters.randomElement() else { throw Self.noServer }
            return node(at: address)
        }
        guard let address = topology.master(of: slot) else {
            throw RedisError("CLUSTERDOWN no server has the slot \(slot.number)")
        }
        return node(at: address)
    }

    private static let noServer = RedisError("CLUSTERDOWN the cluster has no servers with slots")

    private func node(at address: RedisConfiguration.Address) -> RedisNode {
        if let node = nodes[address] { return node }
        let connector = self.connector
        var settings = configuration
        // If a server is unavailable, another server may have its slots, so the client asks again soon.
        settings.connectAttempts = 1
        let node = RedisNode(settings) { try await connector.connect(to: address) }
        nodes[address] = node
        return node
    }

    private func resolved(
        _ address: RedisConfiguration.Address, from node: RedisNode
    ) -> RedisConfiguration.Address {
        guard address.host.isEmpty, let host = nodes.first(where: { $0.value === node })?.key.host else {
            return address
        }
        return RedisConfiguration.Address(host: host, port: address.port)
    }

    // MARK: Topology

    private func currentTopology() async throws -> ClusterTopology {
        if let topology { return topology }
        if isClosed { throw RedisConnectionError.closed }
        refreshSoon()
        if let refresh { try await shield { try await refresh.value } }
        guard let topology else { throw Self.noServer }
        return topology
    }

    /// Discards the topology, so that the next command requests it again.
    func forgetTopology() { topology = nil }

    func noteFailure(_ error: any Error) {
        if RedisNode.passes(error) || (error as? RedisError)?.code == .moved { forgetTopology() }
    }

    /// Requests the topology in a single task. All commands that need the topology wait for this task.
    private func refreshSoon() {
        guard refresh == nil, !isClosed else { return }
        // A capture list would make the closure concurrent, so the closure would leave the loop.
        weak let router = self
        refresh = createTask(name: "the topology of a Redis cluster") {
            defer { router?.refresh = nil }
            try await router?.askForTopology()
        }
    }

    private func askForTopology() async throws {
        var failures: [String] = []
        let known = nodes.keys.shuffled()
        for address in known + seeds.filter({ !known.contains($0) }) {
            do {
                let link = try await connector.connect(to: address)
                defer { link.close() }
                switch try await link.send(RedisCommand("CLUSTER", "SLOTS")) {
                case .failure(let error): throw error
                case .value(.error(let error)): throw error
                case .value(let reply):
                    let new = try ClusterTopology(reply, askedFrom: address.host)
                    guard !new.masters.isEmpty else { throw Self.noServer }
                    use(new)
                    return
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch let error as RedisError where error.code == .wrongPassword || error.code == .noAuthentication {
                throw error
            } catch {
                failures.append("\(address): \(error)")
            }
        }
        throw RedisConnectionError(
            "no server of the cluster answered (\(failures.joined(separator: "; ")))", mayHaveBeenExecuted: false)
    }

    private func use(_ new: ClusterTopology) {
        topology = new
        for (address, node) in nodes where !new.masters.contains(address) {
            node.close()
            nodes[address] = nil
        }
    }

    func close() {
        isClosed = true
        refresh?.cancel()
        for node in nodes.values { node.close() }
        nodes = [:]
    }
}
