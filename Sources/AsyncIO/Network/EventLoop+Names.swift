internal import AsyncIOSystem
internal import Glibc
internal import Logging

extension EventLoop {
    /// The addresses of a host, each once, in the resolver's order.
    ///
    /// The lookup runs on a thread of its own, which does not hold up the end of the program,
    /// however long a name server takes.
    ///
    /// - Parameters:
    ///   - host: a name, or an address; nil for the loopback.
    ///   - service: a port in digits, or a service's name (`"https"`); nil for port 0.
    ///   - family: which kind of addresses; nil for both.
    /// - Throws: ``ResolveError``; ``ValueError`` for a port that is none, and for a zero byte in a
    ///   name; `CancellationError` at once: the lookup is abandoned.
    ///
    /// asyncio: `loop.getaddrinfo`.
    public nonisolated(nonsending) func getAddrInfo(
        host: String?, service: String? = nil, family: AddressFamily? = nil
    ) async throws -> [SocketAddress] {
        try checkOpen("getAddrInfo")
        if let service { try checkService(service) }
        return try await addresses(of: host, service: service ?? "0", family: family).map(SocketAddress.init)
    }

    /// The name of a host and of its service.
    ///
    /// - Parameter isNumeric: whether both are wanted in numbers, which asks nobody.
    /// - Returns: names; numbers where there are none.
    /// - Throws: ``ResolveError``; `CancellationError` at once: the lookup is abandoned.
    ///
    /// asyncio: `loop.getnameinfo`.
    public nonisolated(nonsending) func getNameInfo(
        _ address: SocketAddress, isNumeric: Bool = false
    ) async throws -> (host: String, service: String) {
        try checkOpen("getNameInfo")
        let system = address.system
        do {
            let names = try await lookUp(
                locally: {
                    guard isNumeric || HostsFile.knows(system) else { return nil }
                    return try Resolver.names(of: system, isDatagram: false, isNumeric: isNumeric)
                },
                { try Resolver.names(of: system, isDatagram: false, isNumeric: isNumeric) })
            return (names.host, names.service)
        } catch let failure as Resolver.Failure {
            throw ResolveError(host: address.description, reason: failure.reason)
        }
    }

    nonisolated(nonsending) func addresses(
        of host: String?, service: String, family: AddressFamily? = nil, isDatagram: Bool = false, passive: Bool = false
    ) async throws -> [SystemAddress] {
        if let host { try checkText(host, "a host's name") }
        let number = family?.system ?? AF_UNSPEC
        let start = SystemClock.now()
        defer { if debug { noteLookup(of: host, SystemClock.now() - start) } }
        do {
            let ask = { @Sendable () throws in
                try Resolver.addresses(
                    host: host, service: service, family: number, isDatagram: isDatagram, passive: passive)
            }
            return try await lookUp(
                locally: {
                    guard let host else { return try ask() }
                    if Resolver.isNumeric(host) || HostsFile.knows(host, family: number) { return try ask() }
                    guard HostsFile.isLocalhost(host) else { return nil }
                    // It is in no file; and no name server is to be asked (RFC 6761).
                    return try Resolver.loopback(service: service, family: number, isDatagram: isDatagram)
                }, ask)
        } catch let failure as Resolver.Failure {
            throw ResolveError(host: host ?? "any interface", reason: failure.reason)
        }
    }

    /// asyncio logs slow lookups in debug mode.
    private func noteLookup(of host: String?, _ duration: Int64) {
        guard duration >= slowCallbackDuration.roundedUpNanoseconds else { return }
        Self.logger(loop: self, task: currentTask()?.name).notice(
            "Getting the addresses of \(host ?? "any interface") took \(Duration.nanoseconds(duration).inWords)")
    }

    /// The addresses of a host: at once if it is spelled in numbers, else from the resolver.
    nonisolated(nonsending) func resolve(
        host: String?, port: Int, family: AddressFamily? = nil, isDatagram: Bool = false, passive: Bool = false
    ) async throws -> [SystemAddress] {
        try checkPort(port)
        // An empty name is asyncio's other word for all interfaces; nobody connects to those.
        if host == "", !passive { throw ValueError("a host has a name or an address; this one is empty") }
        let host = host == "" ? nil : host
        if let host, let literal = Resolver.literal(host, port: port), family == nil || literal.family == family?.system
        {
            return [literal]
        }
        return try await addresses(
            of: host, service: String(port), family: family, isDatagram: isDatagram, passive: passive)
    }
}

/// A number that is no port would be taken for another one by the system.
private func checkService(_ service: String) throws(ValueError) {
    try checkText(service, "a service's name")
    guard !service.isEmpty, service.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return }
    guard let number = Int(service) else { throw ValueError("a port is a number from 0 to 65535, not \(service)") }
    try checkPort(number)
}

/// For what the system takes up to the first zero.
func checkText(_ text: String, _ what: StaticString) throws(ValueError) {
    if text.utf8.contains(0) { throw ValueError("\(what) has no zero byte, but this has: \(text.debugDescription)") }
}
