internal import AsyncIOSystem
internal import Glibc
internal import Logging

extension EventLoop {
    /// Resolves a host to its addresses, without duplicates, in the resolver's order.
    ///
    /// The lookup runs on a separate thread, and does not delay the end of the program, even if a name server is slow
    /// to answer.
    ///
    /// - Parameters:
    ///   - host: A name or an address, or `nil` for the loopback address.
    ///   - service: The name of a service (such as `"https"`), a port number as text, or `nil` for port 0.
    ///   - family: The address family to look up, or `nil` for both families.
    /// - Throws: ``ResolveError`` if the host cannot be resolved; ``ValueError`` if the port is out of range or a name
    ///   contains a zero byte; ``RuntimeError`` if the loop is closed; `CancellationError` if the task is cancelled, in
    ///   which case the error is thrown at once and the lookup is abandoned.
    ///
    /// asyncio: `loop.getaddrinfo`.
    public func getAddrInfo(
        host: String?, service: String? = nil, family: Endpoint.Family? = nil
    ) async throws -> [Endpoint] {
        try checkOpen("getAddrInfo")
        if let service { try checkService(service) }
        return try await addresses(of: host, service: service ?? "0", family: family).map(Endpoint.init)
    }

    /// Looks up the names of a host and a service.
    ///
    /// - Parameters:
    ///   - address: The address of the host, and the port of the service.
    ///   - isNumeric: Whether to return the host and the service in numeric form, which needs no name server.
    /// - Returns: The names. A host or service that has no name is returned in numeric form.
    /// - Throws: ``ResolveError`` if the lookup fails; ``RuntimeError`` if the loop is closed; `CancellationError` if
    ///   the task is cancelled, in which case the error is thrown at once and the lookup is abandoned.
    ///
    /// asyncio: `loop.getnameinfo`.
    public func getNameInfo(
        _ address: Endpoint, isNumeric: Bool = false
    ) async throws -> (host: String, service: String) {
        try checkOpen("getNameInfo")
        let system = address.system
        if let stack = networkStack {
            return (isNumeric ? system.host : stack.name(of: system) ?? system.host, system.port.map(String.init) ?? "")
        }
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

    func addresses(
        of host: String?, service: String, family: Endpoint.Family? = nil, isDatagram: Bool = false,
        passive: Bool = false
    ) async throws -> [SystemAddress] {
        if let host { try checkText(host, "a host name") }
        if let stack = networkStack {
            guard let port = Int(service) else {
                throw ResolveError(
                    host: host ?? "any interface", reason: "a simulated network has no names of services")
            }
            return try await stack.addresses(of: host, port: port, family: family?.system, isPassive: passive)
        }
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
                    // The hosts file does not contain the name, and a name server must not be asked (RFC 6761).
                    return try Resolver.loopback(service: service, family: number, isDatagram: isDatagram)
                }, ask)
        } catch let failure as Resolver.Failure {
            throw ResolveError(host: host ?? "any interface", reason: failure.reason)
        }
    }

    /// Logs a slow lookup in debug mode, as asyncio does.
    private func noteLookup(of host: String?, _ duration: Int64) {
        guard duration >= slowCallbackDuration.roundedUpNanoseconds else { return }
        Self.logger(loop: self, task: currentTask()?.name).notice(
            "Getting the addresses of \(host ?? "any interface") took \(Duration.nanoseconds(duration).inWords)")
    }

    /// Returns the addresses of a host. A numeric host needs no lookup. A host name is passed to the resolver.
    func resolve(
        host: String?, port: Int, family: Endpoint.Family? = nil, isDatagram: Bool = false, passive: Bool = false
    ) async throws -> [SystemAddress] {
        try checkPort(port)
        // In asyncio, an empty name also stands for all interfaces, but a client cannot connect to all interfaces.
        if host == "", !passive { throw ValueError("host must not be empty") }
        let host = host == "" ? nil : host
        if let host, let literal = Resolver.literal(host, port: port), family == nil || literal.family == family?.system
        {
            return [literal]
        }
        return try await addresses(
            of: host, service: String(port), family: family, isDatagram: isDatagram, passive: passive)
    }
}

/// Throws an error if `service` is a number that is not a valid port, because the system would convert the number to
/// another port.
private func checkService(_ service: String) throws(ValueError) {
    try checkText(service, "a service name")
    guard !service.isEmpty, service.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return }
    guard let number = Int(service) else { throw ValueError("port must be in 0...65535, got \(service)") }
    try checkPort(number)
}

/// Throws an error if the text contains a zero byte, because the system would read only the part before the zero byte.
func checkText(_ text: String, _ what: StaticString, isSecret: Bool = false) throws(ValueError) {
    guard text.utf8.contains(0) else { return }
    throw ValueError("\(what) must not contain a zero byte\(isSecret ? "" : ", got \(text.debugDescription)")")
}
