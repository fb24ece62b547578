internal import AsyncIOSystem

/// The addresses of a host: at once if it is spelled in numbers, else from the resolver, on
/// a thread.
nonisolated(nonsending) func resolve(host: String?, port: Int, passive: Bool) async throws -> [SystemAddress] {
    guard (0...65_535).contains(port) else { throw ValueError("a port is a number from 0 to 65535, not \(port)") }
    if let host, let literal = Resolver.literal(host, port: port) { return [literal] }
    let name = host
    let loop = EventLoop.required(for: "Resolving a name")
    let lookup = try loop.runInExecutor { () throws -> [SystemAddress] in
        try Resolver.addresses(host: name, port: port, passive: passive)
    }
    do {
        return try await lookup.value
    } catch let failure as Resolver.Failure {
        throw ResolveError(host: host ?? "any interface", reason: failure.reason)
    }
}
