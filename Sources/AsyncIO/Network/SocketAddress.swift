internal import AsyncIOSystem
internal import Glibc

/// Where a socket is.
///
/// asyncio: the tuples of `get_extra_info("sockname")`.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    let system: SystemAddress

    init(_ system: SystemAddress) { self.system = system }

    /// An internet address.
    ///
    /// - Parameter host: in numbers, IPv4 or IPv6; an IPv6 address may have a zone, which is the
    ///   name or the number of an interface: `fe80::1%eth0`. For names there is
    ///   ``EventLoop/getAddrInfo(host:service:family:)``.
    /// - Throws: ``ValueError`` if `host` is a name, its zone no interface, or `port` is none.
    public init(host: String, port: Int) throws(ValueError) {
        try checkPort(port)
        guard let address = Resolver.literal(host, port: port) else {
            let (number, zone) = Resolver.split(host)
            if let zone, Resolver.literal(number, port: port) != nil {
                throw ValueError("\(host) is not an address here: there is no interface \(zone)")
            }
            throw ValueError("\(host) is not an address in numbers; getAddrInfo(host:service:) resolves names")
        }
        system = address
    }

    /// A Unix socket's address: a path, or after a zero character (`"\0name"`) a name in
    /// Linux's abstract space, which may be any bytes.
    ///
    /// - Throws: ``ValueError`` if it is empty, longer than 107 bytes, or has a zero inside.
    public init(path: some SystemStringConvertible) throws(ValueError) {
        let bytes = path.systemString.bytes
        guard !bytes.isEmpty, let address = SystemAddress(unixPath: bytes) else {
            throw ValueError("a Unix socket's path has 1 to 107 bytes and no zero inside, not \(bytes.count) bytes")
        }
        system = address
    }

    /// The numeric address, or the path of a Unix socket.
    ///
    /// An IPv6 address that is only good on one interface comes with its zone (`fe80::1%eth0`), so
    /// that a connection to this host reaches the same place. asyncio has the zone's number in the
    /// fourth element of the tuple.
    public var host: String { system.host }

    /// The port; nil for a Unix socket.
    public var port: Int? { system.port }

    /// The family; nil for a Unix socket.
    public var family: AddressFamily? {
        system.isInternet ? (system.isIPv6 ? .ipv6 : .ipv4) : nil
    }

    /// `127.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`, a path, or `@name` for an abstract one.
    public var description: String { system.description }
}

/// A family of internet addresses.
///
/// asyncio: `socket.AF_INET`, `socket.AF_INET6`.
public enum AddressFamily: Sendable, Hashable {
    case ipv4, ipv6

    var system: Int32 { self == .ipv4 ? AF_INET : AF_INET6 }
}

func checkPort(_ port: Int) throws(ValueError) {
    guard (0...65_535).contains(port) else { throw ValueError("a port is a number from 0 to 65535, not \(port)") }
}
