internal import CShims
internal import Glibc

/// Names to addresses. Blocks: call it on the thread pool.
package enum Resolver {
    /// Why a name has no address, in the resolver's own words.
    package struct Failure: Error {
        package let code: Int32
        package let reason: String
    }

    /// Addresses of `host` for TCP, in the resolver's order. With no host, those
    /// to listen on (`passive`) or the loopback's.
    package static func addresses(
        host: String?, port: Int, passive: Bool
    ) throws(Failure) -> [SystemAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0)

        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw Failure(code: code, reason: unsafe String(cString: gai_strerror(code)))
        }
        defer { unsafe freeaddrinfo(list) }

        // SAFETY: the list is the resolver's until freeaddrinfo, above; each
        // address is copied out with the length that comes with it.
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

    /// The address that `host` itself spells, without asking anybody; nil if it
    /// is a name, or has a zone.
    package static func literal(_ host: String, port: Int) -> SystemAddress? {
        guard (0...65535).contains(port) else { return nil }
        let portBytes = [UInt8(port >> 8), UInt8(port & 0xff)]
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, host, &v4) == 1 {
            // SAFETY: the bytes of a value on this stack.
            let address = unsafe withUnsafeBytes(of: &v4) { raw in unsafe Array(raw) }
            return SystemAddress(bytes: [UInt8(AF_INET), 0] + portBytes + address + Array(repeating: 0, count: 8))
        }
        var v6 = in6_addr()
        if unsafe inet_pton(AF_INET6, host, &v6) == 1 {
            // SAFETY: the bytes of a value on this stack.
            let address = unsafe withUnsafeBytes(of: &v6) { raw in unsafe Array(raw) }
            return SystemAddress(bytes: [UInt8(AF_INET6), 0] + portBytes + [0, 0, 0, 0] + address + [0, 0, 0, 0])
        }
        return nil
    }
}
