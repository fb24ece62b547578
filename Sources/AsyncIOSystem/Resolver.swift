internal import CShims
internal import Glibc

/// Resolves names to addresses and addresses to names. The calls block, so make them on a separate thread.
package enum Resolver {
    /// The reason why a name has no address, in the resolver's own words.
    package struct Failure: Error {
        package let code: Int32
        package let reason: String

        init(_ code: Int32) {
            self.code = code
            reason = unsafe String(cString: gai_strerror(code))
        }
    }

    /// Returns the addresses of `host` without duplicates, in the resolver's order. Without a host, the method returns
    /// the addresses to listen on (if `passive` is true) or the loopback addresses.
    ///
    /// - Parameters:
    ///   - service: A port number in digits, or the name of a service.
    ///   - family: AF_INET, AF_INET6, or AF_UNSPEC.
    package static func addresses(
        host: String?, service: String, family: Int32 = AF_UNSPEC, isDatagram: Bool = false, passive: Bool
    ) throws(Failure) -> [SystemAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = family
        unsafe hints.ai_socktype = Int32((isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
        unsafe hints.ai_flags = passive ? AI_PASSIVE : 0

        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, service, &hints, &list)
        guard code == 0 else { throw Failure(code) }
        defer { unsafe freeaddrinfo(list) }

        // SAFETY: the list belongs to the resolver until freeaddrinfo above. Each address is copied
        // with its length.
        var found: [SystemAddress] = []
        var node = unsafe list
        while let entry = unsafe node {
            if let address = unsafe entry.pointee.ai_addr {
                let raw = unsafe UnsafeRawBufferPointer(
                    start: address, count: Int(entry.pointee.ai_addrlen))
                let resolved = unsafe SystemAddress(bytes: Array(raw))
                if !found.contains(resolved) { found.append(resolved) }
            }
            unsafe node = entry.pointee.ai_next
        }
        return found
    }

    /// Returns the loopback addresses without looking up a name.
    package static func loopback(
        service: String, family: Int32, isDatagram: Bool
    ) throws(Failure) -> [SystemAddress] {
        try addresses(host: nil, service: service, family: family, isDatagram: isDatagram, passive: false)
    }

    /// Whether a host is a numeric address, with or without a zone, and therefore needs no lookup.
    package static func isNumeric(_ host: String) -> Bool {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return false }
        unsafe freeaddrinfo(list)
        return true
    }

    /// Returns the host and the service of an address. They are numeric if the address has no name, or if the caller
    /// requests numeric results.
    package static func names(
        of address: SystemAddress, isDatagram: Bool, isNumeric: Bool
    ) throws(Failure) -> (host: String, service: String) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let flags = (isDatagram ? NI_DGRAM : 0) | (isNumeric ? NI_NUMERICHOST | NI_NUMERICSERV : 0)
        // SAFETY: the resolver reads exactly the given number of bytes, and writes zero-terminated text that is not
        // longer than the arrays.
        let code = unsafe address.bytes.withUnsafeBytes { bytes in
            unsafe getnameinfo(
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count),
                &host, socklen_t(host.count), &service, socklen_t(service.count), flags)
        }
        guard code == 0 else { throw Failure(code) }
        return (text(host), text(service))
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Returns the address that `host` contains in numeric form, without a lookup, or nil if `host` is a name or its
    /// zone is not an interface.
    package static func literal(_ host: String, port: Int) -> SystemAddress? {
        // The system would stop reading at a zero byte.
        guard (0...65535).contains(port), !host.utf8.contains(0) else { return nil }
        let portBytes = [UInt8(port >> 8), UInt8(port & 0xff)]
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 {
            // SAFETY: the closure copies the bytes of a value on this stack.
            let address = unsafe withUnsafeBytes(of: &v4) { raw in unsafe Array(raw) }
            return SystemAddress(bytes: [UInt8(AF_INET), 0] + portBytes + address + Array(repeating: 0, count: 8))
        }
        var v6 = in6_addr()
        let (number, zone) = split(host)
        if unsafe inet_pton(AF_INET6, number, &v6) == 1, let index = zone.map(interface) ?? 0 {
            // SAFETY: the closures copy the bytes of values on this stack.
            let address = unsafe withUnsafeBytes(of: &v6) { raw in unsafe Array(raw) }
            let zoneBytes = unsafe withUnsafeBytes(of: index) { raw in unsafe Array(raw) }
            return SystemAddress(bytes: [UInt8(AF_INET6), 0] + portBytes + [0, 0, 0, 0] + address + zoneBytes)
        }
        return nil
    }

    /// Splits an IPv6 address from its zone, which follows a `%` (RFC 4007, section 11).
    package static func split(_ host: String) -> (address: String, zone: String?) {
        guard let percent = host.firstIndex(of: "%") else { return (host, nil) }
        return (String(host[..<percent]), String(host[host.index(after: percent)...]))
    }

    /// Returns the number of the interface that a zone names, or the zone itself if it is a number.
    private static func interface(_ zone: String) -> UInt32? {
        let named = unsafe if_nametoindex(zone)
        if named != 0 { return named }
        return zone.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt32(zone) : nil
    }
}
