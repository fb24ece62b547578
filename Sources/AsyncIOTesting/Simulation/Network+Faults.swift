internal import AsyncIO

extension Network {
    /// Injects random faults, and waits until they have ended. The seed determines which faults occur, on which hosts,
    /// and when.
    ///
    /// ```swift
    /// let workload = createTask { try await runClients() }
    /// try await net.injectFaults(5, on: db, within: .seconds(60))
    /// try await workload.value
    /// ```
    ///
    /// If a test with the trait `.simulation` fails, it is run again with fewer and fewer faults until every remaining
    /// fault is necessary for the failure. The report lists these faults. To repeat a run with only these faults, set
    /// the environment variables `ASYNCIO_SEED` and `ASYNCIO_FAULTS`.
    ///
    /// - Parameters:
    ///   - count: The number of faults.
    ///   - kinds: The kinds of faults that can occur.
    ///   - hosts: The hosts that can be affected. Faults between two hosts require at least two hosts.
    ///   - duration: The time within which all faults begin and end. Each fault lasts for up to a third of this time.
    /// - Returns: The faults.
    /// - Throws: `ValueError` if there are no hosts, or if none of the kinds is possible with these hosts;
    ///   `CancellationError` if the task is cancelled. In that case, the faults also end.
    @discardableResult
    public func injectFaults(
        _ count: Int = 3, kinds: [Fault.Kind] = Fault.Kind.allCases, on hosts: [Host], within duration: Duration
    ) async throws -> [Fault] {
        let kinds = kinds.filter { hosts.count > 1 || !$0.isBetweenTwo }
        guard !kinds.isEmpty, !hosts.isEmpty else {
            throw ValueError(
                "injecting faults needs at least one host and one kind, and two hosts if all kinds are between hosts")
        }
        // This fault has its own generator, so that leaving out some faults does not change the others.
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
            // The peer must be another host.
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
