import AsyncIO

extension ByHand {
    /// Fetches all pages that can be reached from a page, unless their host forbids it: `limit` at a time, and at most
    /// `perSecond` a second from each host. Each host is asked once which pages it permits. A host that fails five
    /// times in a row gets no requests for a minute.
    ///
    /// - Returns: The pages, and the number of links on each; `nil` for pages that could not be fetched.
    static func crawl(
        _ start: String, limit: Int, perSecond: Int, permits: @escaping (_ host: String) async throws -> Bool,
        fetch: @escaping (_ page: String) async throws -> [String]
    ) async throws -> [String: Int?] {
        var found: [String: Int?] = [:]
        var hosts: [String: Host] = [:]
        func visit(_ page: String, in group: AsyncTaskGroup) throws {
            guard found[page] == nil else { return }
            found.updateValue(nil, forKey: page)
            let name = String(page.prefix { $0 != "/" })
            let host = hosts[name] ?? Host(name, perSecond: perSecond)
            hosts[name] = host
            try group.createTask {
                do {
                    let links = try await retry(attempts: 3) { () async throws -> [String] in
                        guard try await host.isPermitted(permits) else { return [] }
                        return try await host.call { try await fetch(page) }
                    }
                    found[page] = links.count
                    for link in links { try visit(link, in: group) }
                } catch is ProgramError {}
            }
        }
        try await withAsyncTaskGroup(limit: limit) { group in try visit(start, in: group) }
        return found
    }

    private final class Host {
        private let name: String
        private let spacing: Duration
        private var next: ContinuousClock.Instant?
        private let turn = Lock()
        private var permission: AsyncTask<Bool>?
        private var failures = 0
        private var closedUntil: ContinuousClock.Instant?
        private var isTrying = false

        init(_ name: String, perSecond: Int) {
            self.name = name
            spacing = .seconds(1) / perSecond
        }

        /// Asks the host, and asks again if that failed.
        func isPermitted(_ permits: @escaping (String) async throws -> Bool) async throws -> Bool {
            let task = permission ?? createTask { [name] in try await permits(name) }
            permission = task
            do {
                return try await shield(task)
            } catch {
                if task.isDone, permission === task { permission = nil }
                throw error
            }
        }

        func call(_ fetch: () async throws -> [String]) async throws -> [String] {
            let now = try EventLoop.running.now
            if let closedUntil, now < closedUntil || isTrying { throw ProgramError("\(name) is left alone") }
            let isTrial = closedUntil != nil
            isTrying = isTrial
            defer { if isTrial { isTrying = false } }
            try await waitForTurn()
            do {
                let links = try await fetch()
                (failures, closedUntil) = (0, nil)
                return links
            } catch is ProgramError {
                failures += 1
                if failures >= 5 { closedUntil = try EventLoop.running.now.advanced(by: .seconds(60)) }
                throw ProgramError("\(name) failed")
            }
        }

        private func waitForTurn() async throws {
            try await turn.withLock {
                if let next, try next > EventLoop.running.now { try await sleep(until: next) }
                next = try EventLoop.running.now.advanced(by: spacing)
            }
        }
    }
}
