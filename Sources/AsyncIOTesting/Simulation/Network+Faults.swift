internal import AsyncIO

extension Network {
    /// Lets things go wrong at random, and waits until they are over. The seed decides what, where, and when.
    ///
    /// ```swift
    /// let workload = createTask { try await runClients() }
    /// try await net.injectFaults(5, on: db, within: .seconds(60))
    /// try await workload.value
    /// ```
    ///
    /// If a test with the trait `.simulation` fails, it is run again with fewer and fewer faults, until each that is
    /// left is needed for the failure; the report lists those. To repeat a run with them only, set the environment
    /// variables `ASYNCIO_SEED` and `ASYNCIO_FAULTS`.
    ///
    /// - Parameters:
    ///   - count: How many faults there are.
    ///   - kinds: What can go wrong.
    ///   - hosts: The hosts that are affected. Faults between two hosts need at least two.
    ///   - duration: The time until all faults are over. A fault lasts up to a third of that.
    /// - Returns: The faults.
    /// - Throws: `ValueError` if there are no hosts or no kinds that are possible with them; `CancellationError`. The
    ///   faults then end as well.
    @discardableResult
    public func injectFaults(
        _ count: Int = 3, kinds: [Fault.Kind] = Fault.Kind.allCases, on hosts: [Host], within duration: Duration
    ) async throws -> [Fault] {
        let kinds = kinds.filter { hosts.count > 1 || !$0.isBetweenTwo }
        guard !kinds.isEmpty, !hosts.isEmpty else {
            throw ValueError("faults need at least one host and one kind, and two hosts if they are between hosts")
        }
        // Numbers of their own, so that a run without some of the faults has the same others.
        var random = SeededGenerator(seed: seed ^ UInt64(faults.count + 1) << 32)
        let new = (0..<max(0, count)).map { index in
            makeFault(faults.count + index, kinds, hosts, duration, &random)
        }
        faults += new
        let active = new.filter { activeFaults?.contains($0.number) ?? true }
        _ = try await gather(active) { [self] in try await cause($0) }
        return new
    }

    private func makeFault(
        _ number: Int, _ kinds: [Fault.Kind], _ hosts: [Host], _ limit: Duration, _ random: inout SeededGenerator
    ) -> Fault {
        let kind = kinds[Int.random(in: kinds.indices, using: &random)]
        let host = Int.random(in: hosts.indices, using: &random)
        var peer: Int?
        if kind.isBetweenTwo {
            // Another host.
            peer = (host + Int.random(in: 1..<hosts.count, using: &random)) % hosts.count
        }
        let duration = limit * random.fraction() / 3
        return Fault(
            number: number, kind: kind, start: (limit - duration) * random.fraction(), duration: duration,
            host: hosts[host].name, peer: peer.map { hosts[$0].name })
    }

    private func cause(_ fault: Fault) async throws {
        try await sleep(fault.start)
        note("fault \(fault)")
        let host = try host(named: fault.host)
        let others = try fault.peer.map { [try self.host(named: $0)] } ?? []
        switch fault.kind {
        case .partition: try await partition([host], from: others, for: fault.duration)
        case .oneWayPartition: try await partition([host], from: others, isOneWay: true, for: fault.duration)
        case .slowLink:
            let link = link([host], others)
            let before = link.latency
            link.latency = before.lowerBound + .seconds(1)...before.upperBound + .seconds(1)
            defer { link.latency = before }
            try await sleep(fault.duration)
        case .loss:
            let link = link([host], others)
            let before = link.loss
            link.loss = 0.2
            defer { link.loss = before }
            try await sleep(fault.duration)
        case .kill, .powerFailure:
            try await crash(host, by: fault.kind == .kill ? .kill : .powerFailure)
            do {
                try await sleep(fault.duration)
            } catch {
                try await restart(host)
                throw error
            }
            if !host.isRunning { try await restart(host) }
        case .pause:
            pause(host)
            defer { resume(host) }
            try await sleep(fault.duration)
        case .clockSkew:
            let before = host.clockOffset
            host.clockOffset = before + fault.duration
            defer { host.clockOffset = before }
            try await sleep(fault.duration)
        }
    }
}
