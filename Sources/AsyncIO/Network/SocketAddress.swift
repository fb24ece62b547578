internal import AsyncIOSystem

/// Where a socket is.
///
/// asyncio: the tuples of `get_extra_info("sockname")`.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    let system: SystemAddress

    init(_ system: SystemAddress) { self.system = system }

    /// The numeric address, or the path of a Unix socket.
    public var host: String { system.host }

    /// The port; nil for a Unix socket.
    public var port: Int? { system.port }

    /// `127.0.0.1:80`, `[::1]:80`.
    public var description: String { system.description }
}
