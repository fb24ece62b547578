internal import Glibc

/// Determines from `/etc/hosts` whether the resolver will ask a name server. The methods read a file, so call them on a
/// separate thread.
package enum HostsFile {
    private static let path = "/etc/hosts"

    /// Whether the file has an address of the given family for a name. If the file has only addresses of another
    /// family, the resolver asks a name server.
    package static func knows(_ name: String, family: Int32) -> Bool {
        let name = comparable(name)
        return entries().contains { address, names in
            names.contains(name) && (family == AF_UNSPEC || Resolver.literal(address, port: 0)?.family == family)
        }
    }

    /// Whether the file has a name for an address.
    package static func knows(_ address: SystemAddress) -> Bool {
        let host = address.host
        return entries().contains { Resolver.literal($0.address, port: 0)?.host == host }
    }

    /// Whether the name stands for the loopback address on every system.
    package static func isLocalhost(_ name: String) -> Bool {
        let name = comparable(name)
        return name == "localhost" || name.hasSuffix(".localhost")
    }

    private static func comparable(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    private static func entries() -> [(address: String, names: [String])] {
        // The file can be long, for example if it lists ad servers.
        contents(ofFile: path).split(separator: "\n").compactMap { line in
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let address = words.first, words.count > 1 else { return nil }
            return (address, words.dropFirst().map { $0.lowercased() })
        }
    }
}
