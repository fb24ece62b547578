import AsyncIO

extension Short {
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
        var hosts: [String: (rate: RateLimiter, breaker: CircuitBreaker)] = [:]
        let permissions = ExpiringCache<String, Bool>(lifetime: .seconds(3_600))
        func visit(_ page: String, in group: AsyncTaskGroup) throws {
            guard found[page] == nil else { return }
            found.updateValue(nil, forKey: page)
            let name = String(page.prefix { $0 != "/" })
            let host =
                hosts[name] ?? (
                    RateLimiter(perSecond, per: .seconds(1), burst: 1),
                    CircuitBreaker(failures: 5, recovery: .seconds(60))
                )
            hosts[name] = host
            try group.createTask {
                do {
                    let links = try await retry(attempts: 3) { () async throws -> [String] in
                        guard try await permissions.value(for: name, { try await permits(name) }) else { return [] }
                        return try await host.breaker.run {
                            try await host.rate.acquire()
                            return try await fetch(page)
                        }
                    }
                    found[page] = links.count
                    for link in links { try visit(link, in: group) }
                } catch is ProgramError {} catch is CircuitOpenError {}
            }
        }
        try await withAsyncTaskGroup(limit: limit) { group in try visit(start, in: group) }
        return found
    }
}
