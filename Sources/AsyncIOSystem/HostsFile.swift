internal import Glibc
internal import SystemPackage

/// The contents of `/etc/hosts`, as far as they show whether a name server will be asked. Reads a
/// file, so call it on a thread.
package enum HostsFile {
    private static let path = "/etc/hosts"

    /// Whether the file has an address of the family for a name. (If it has only addresses of
    /// another family, the resolver asks a name server.)
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
        text().split(separator: "\n").compactMap { line in
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map(String.init)
            guard let address = words.first, words.count > 1 else { return nil }
            return (address, words.dropFirst().map { $0.lowercased() })
        }
    }

    private static func text() -> String {
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else { return "" }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        while true {
            let part = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
                // SAFETY: the system writes at most as many bytes as the buffer has.
                count = unsafe (try? file.read(into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
            }
            // Long lists (of ad servers, for example) are read up to 4 MB.
            if part.isEmpty || bytes.count > 4 << 20 { return String(decoding: bytes, as: UTF8.self) }
            bytes += part
        }
    }
}
