import AsyncIO
import Glibc
import SystemPackage

/// Makes the process run out of descriptors.
enum LimitedDescriptors {
    /// Leaves room for exactly what `body` opens.
    static func whileOneIsLeft(_ body: () throws -> ConnectedSocket) throws -> ConnectedSocket {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let next = dup(0)
        close(next)
        var lowered = limit
        lowered.rlim_cur = rlim_t(next + 1)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
        let socket = try body()
        socket.limit = limit
        return socket
    }
}

/// A client in plain system calls, connected to a port of the loopback.
final class ConnectedSocket {
    fileprivate var limit: rlimit?
    private let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if descriptor < 0 || result < 0 { throw OSError(Errno(rawValue: errno), "connecting") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    func restoreLimit() throws {
        guard var limit else { return }
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    func send(_ text: String) { _ = text.withCString { Glibc.send(descriptor, $0, strlen($0), 0) } }

    /// What has come; "" if nothing has.
    func receive() -> String {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    func close() { _ = Glibc.close(descriptor) }
}
