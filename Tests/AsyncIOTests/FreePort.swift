import Glibc

/// A TCP port on loopback that belongs to this process until it ends, for programs that cannot choose a port and report
/// it. A program that sets `SO_REUSEADDR`, as servers do, can listen on it. Nothing else gets it, not even while that
/// program has not started yet or is restarted, because the system does not give a bound port to others.
///
/// - Parameter offset: The program also uses the port with this number added.
func freePort(andPortAt offset: Int = 0) throws -> Int {
    while true {
        let (descriptor, port) = try reserve(0)
        if offset == 0 || (try? reserve(port + offset)) != nil { return port }
        close(descriptor)
    }
}

private struct PortError: Error { let errno: Int32 }

/// Binds a socket that is never closed. If the port is 0, the system chooses one.
private func reserve(_ port: Int) throws -> (descriptor: Int32, port: Int) {
    guard let number = in_port_t(exactly: port) else { throw PortError(errno: EINVAL) }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw PortError(errno: errno) }
    var yes: Int32 = 1
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = number.bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    // SAFETY: the pointers are valid for the calls, and `length` is the size of the address.
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { address in
        unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
                && bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
    }
    guard isBound else {
        defer { close(descriptor) }
        throw PortError(errno: errno)
    }
    return (descriptor, Int(in_port_t(bigEndian: address.sin_port)))
}
