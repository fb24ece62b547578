package import AsyncIOSystem
internal import Glibc

/// The address of a socket: a host and port, or the path of a Unix socket.
///
/// asyncio: the tuples of `get_extra_info("sockname")`.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    let system: SystemAddress

    package init(_ system: SystemAddress) { self.system = system }

    /// Creates an internet address.
    ///
    /// - Parameters:
    ///   - host: A numeric IPv4 or IPv6 address. An IPv6 address can have a zone, which is the name or number
    ///     of an interface: `fe80::1%eth0`. To resolve a name, use
    ///     ``EventLoop/getAddrInfo(host:service:family:)``.
    ///   - port: The port, from 0 to 65535.
    /// - Throws: ``ValueError`` if `host` is not a numeric address, its zone is not the name or number of an interface,
    ///   or `port` is out of range.
    public init(host: String, port: Int) throws(ValueError) {
        try checkPort(port)
        guard let address = Resolver.literal(host, port: port) else {
            let (number, zone) = Resolver.split(host)
            if let zone, Resolver.literal(number, port: port) != nil {
                throw ValueError("\(host) is not a valid address: there is no interface \(zone)")
            }
            throw ValueError("host must be a numeric address, got \(host); getAddrInfo(host:service:) resolves names")
        }
        system = address
    }

    /// Creates the address of a Unix socket.
    ///
    /// - Parameter path: A path, or a zero character followed by a name in Linux's abstract namespace
    ///   (`"\0name"`). The name can contain any bytes.
    /// - Throws: ``ValueError`` if the path is empty, is longer than 107 bytes, or contains a zero byte after the first
    ///   byte.
    public init(path: some SystemStringConvertible) throws(ValueError) {
        let bytes = path.systemString.bytes
        guard !bytes.isEmpty, let address = SystemAddress(unixPath: bytes) else {
            throw ValueError(
                "a Unix socket path must have 1 to 107 bytes and no zero byte inside, got \(bytes.count) bytes")
        }
        system = address
    }

    /// The numeric address, or the path of a Unix socket.
    ///
    /// An IPv6 address that is valid only on one interface includes its zone (`fe80::1%eth0`), so you can connect to
    /// the address without changing it. In asyncio, the zone's number is the fourth element of the address tuple.
    public var host: String { system.host }

    /// The port, or `nil` for a Unix socket.
    public var port: Int? { system.port }

    /// The address family, or `nil` for a Unix socket.
    public var family: Family? {
        system.isInternet ? (system.isIPv6 ? .ipv6 : .ipv4) : nil
    }

    /// The address as text: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`, a path, or `@name` for an
    /// abstract Unix socket.
    public var description: String { system.description }
}

extension Endpoint {
    /// A family of internet addresses.
    ///
    /// asyncio: `socket.AF_INET`, `socket.AF_INET6`.
    public struct Family: Sendable, Hashable {
        /// The system's number for the family.
        let system: Int32

        /// IPv4.
        public static let ipv4 = Family(system: AF_INET)
        /// IPv6.
        public static let ipv6 = Family(system: AF_INET6)
    }
}

func checkPort(_ port: Int) throws(ValueError) {
    guard (0...65_535).contains(port) else { throw ValueError("port must be in 0...65535, got \(port)") }
}
