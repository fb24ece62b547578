internal import CShims
internal import Glibc

/// The address of a socket: the kernel's bytes, and their readable form.
package struct SystemAddress: Sendable, Hashable {
    /// A `sockaddr_in`, `sockaddr_in6`, or `sockaddr_un`, as the kernel expects it.
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// Creates an IPv4 or IPv6 address from four or sixteen bytes, with port 0. Returns nil for
    /// other lengths.
    package init?(host: [UInt8]) {
        switch host.count {
        case 4: bytes = [UInt8(AF_INET), 0, 0, 0] + host + Array(repeating: 0, count: 8)
        case 16: bytes = [UInt8(AF_INET6), 0, 0, 0, 0, 0, 0, 0] + host + [0, 0, 0, 0]
        default: return nil
        }
    }

    init(_ storage: sockaddr_storage, length: socklen_t) {
        // SAFETY: reads the first `length` bytes of a value on this stack.
        bytes = unsafe withUnsafeBytes(of: storage) { raw in unsafe Array(raw.prefix(Int(length))) }
    }

    /// Creates the address of a Unix socket: a path, or a zero byte and an abstract name.
    ///
    /// - Returns: Nil if the path is longer than 107 bytes, or has a zero byte in another position.
    package init?(unixPath path: [UInt8]) {
        guard path.count < 108, !path.dropFirst().contains(0) else { return nil }
        bytes = [UInt8(AF_UNIX), 0] + path + (path.first == 0 ? [] : [0])
    }

    /// The path of a Unix socket in the file system, with a terminating zero, or nil for other addresses.
    package var path: [CChar]? {
        guard family == AF_UNIX, bytes.count > 2, bytes[2] != 0 else { return nil }
        return Array(terminating: bytes.dropFirst(2).prefix { $0 != 0 })
    }

    package var family: Int32 {
        guard bytes.count >= 2 else { return AF_UNSPEC }
        return Int32(UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
    }

    package var isIPv6: Bool { family == AF_INET6 }
    package var isUnix: Bool { family == AF_UNIX }
    package var isInternet: Bool { family == AF_INET || family == AF_INET6 }

    /// The number of the interface to which an IPv6 address is bound, or 0 for any interface.
    package var zone: UInt32 {
        guard isIPv6, bytes.count >= 28 else { return 0 }
        // SAFETY: reads four bytes inside the array.
        return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: 24, as: UInt32.self) }
    }

    /// `%` and the name of the zone's interface, or the zone's number if there is no such interface. The text is empty
    /// if the address has no zone.
    private var zoneSuffix: String {
        guard zone != 0 else { return "" }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        // SAFETY: at most IF_NAMESIZE bytes are written, including the terminating zero.
        guard unsafe if_indextoname(zone, &name) != nil else { return "%\(zone)" }
        return "%" + String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The numeric host with its zone, if any, or the path of a Unix socket.
    package var host: String {
        switch family {
        case AF_INET where bytes.count >= 8:
            return bytes[4..<8].map { String($0) }.joined(separator: ".")
        case AF_INET6 where bytes.count >= 24:
            var address = in6_addr()
            // SAFETY: copies 16 bytes into a 16-byte value. inet_ntop writes at most the size of
            // the buffer, including a terminating zero.
            return unsafe withUnsafeMutableBytes(of: &address) { target in
                unsafe target.copyBytes(from: bytes[8..<24])
                var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
                guard unsafe inet_ntop(AF_INET6, target.baseAddress, &text, socklen_t(text.count)) != nil
                else { return "?" }
                return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                    + zoneSuffix
            }
        case AF_UNIX where bytes.count > 2 && bytes[2] == 0:
            // The form in which ss(8) and other tools write abstract names.
            return "@" + String(decoding: bytes.dropFirst(3), as: UTF8.self)
        case AF_UNIX:
            return String(decoding: bytes.dropFirst(2).prefix { $0 != 0 }, as: UTF8.self)
        default:
            return ""
        }
    }

    /// The port, if the family has ports.
    package var port: Int? {
        guard family == AF_INET || family == AF_INET6, bytes.count >= 4 else { return nil }
        return Int(bytes[2]) << 8 | Int(bytes[3])
    }

    /// Whether the address stands for all interfaces.
    package var isWildcard: Bool {
        isInternet && bytes[isIPv6 ? 8..<24 : 4..<8].allSatisfy { $0 == 0 }
    }

    /// Whether the address is a loopback address, which each host uses for itself.
    package var isLoopback: Bool {
        switch family {
        case AF_INET: bytes.count >= 8 && bytes[4] == 127
        case AF_INET6: bytes.count >= 24 && bytes[8..<24].elementsEqual(Array(repeating: 0, count: 15) + [1])
        default: false
        }
    }

    package var familyName: String {
        switch family {
        case AF_INET: "IPv4"
        case AF_INET6: "IPv6"
        case AF_UNIX: "Unix"
        default: "\(family)"
        }
    }

    /// Returns the same address with another port.
    package func with(port: Int) -> SystemAddress {
        guard self.port != nil else { return self }
        var bytes = bytes
        bytes[2] = UInt8(truncatingIfNeeded: port >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: port)
        return SystemAddress(bytes: bytes)
    }

    package var description: String {
        guard let port else { return host }
        return isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
