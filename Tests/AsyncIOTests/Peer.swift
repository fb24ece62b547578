import AsyncIO
import Glibc
import SystemPackage
import Testing

/// The other end of a connection, with plain non-blocking system calls.
final class Peer {
    private(set) var descriptor: Int32

    init(owning descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

    /// A connected pair: a descriptor for the library, and its peer.
    static func pair(_ type: __socket_type = SOCK_STREAM) throws -> (ours: Int32, peer: Peer) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(type.rawValue), 0, &ends) == 0 else { throw POSIXError() }
        let ours = Peer(owning: ends[0])
        return (ours.giveUp(), Peer(owning: ends[1]))
    }

    /// A client that is connected to a port of the loopback interface.
    static func connected(to port: Int) throws -> Peer {
        let peer = Peer(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(peer.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 || errno == EINPROGRESS else { throw POSIXError() }
        return peer
    }

    func giveUp() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// - Returns: the number of bytes that the system accepted.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int { Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    @discardableResult
    func send(_ text: String) -> Int { send(Array(text.utf8)) }

    /// The bytes that have arrived; nil if there are none, and empty at the end.
    func receive(_ count: Int = 65_536) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, 0)
        return received < 0 ? nil : Array(bytes[..<received])
    }

    /// Waits for everything up to the end of the stream.
    func receiveToEnd() async throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            if let part = receive() {
                if part.isEmpty { return all }
                all += part
            } else {
                try await sleep(.milliseconds(1))
            }
        }
    }

    /// Waits for the next bytes.
    func text() async throws -> String {
        while true {
            if let part = receive() { return String(decoding: part, as: UTF8.self) }
            try await sleep(.milliseconds(1))
        }
    }

    func endWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Closes with a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// Makes the buffers as small as the system allows.
    static func shrinkBuffers(_ descriptor: Int32) {
        for option in [SO_SNDBUF, SO_RCVBUF] {
            var size: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, option, &size, 4)
        }
    }
}

/// An integer option of a socket.
func socketOption(_ descriptor: Int32, _ level: Int32, _ option: Int32) -> Int32 {
    var value: Int32 = -1
    var length = socklen_t(4)
    getsockopt(descriptor, level, option, &value, &length)
    return value
}

/// Waits until a condition is true, checking it after each turn of the loop at first, and then less
/// often. Only the test's own limit ends the wait, because the speed of others is not what is
/// tested.
func eventually(_ condition: () throws -> Bool) async throws {
    var looks = 0
    while try !condition() {
        try await sleep(looks < 100 ? .zero : .milliseconds(1))
        looks += 1
    }
}

/// Connects as soon as a program listens.
func connectSoon(
    to host: String, _ port: Int, tls: TLSContext? = nil
) async throws -> (StreamReader, StreamWriter) {
    while true {
        do { return try await openConnection(host: host, port: port, tls: tls) } catch is OSError {
            try await sleep(.milliseconds(10))
        }
    }
}

/// A handler that sends back what it receives.
nonisolated(nonsending) func echoing(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    while true {
        let bytes = try await reader.read(65_536)
        if bytes.isEmpty { return }
        try await writer.write(bytes)
    }
}

/// Whether the system would accept more bytes for a descriptor now.
func isWritable(_ descriptor: Int32) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&request, 1, 0) == 1 && request.revents & Int16(POLLOUT) != 0
}

/// Runs `body` with an unused path for a file, which is removed at the end.
func withTemporaryPath<T>(_ body: (String) async throws -> T) async throws -> T {
    let path = "/tmp/asyncio-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    defer { unlink(path) }
    return try await body(path)
}

/// The two sides of a pseudo-terminal.
func openTerminal() throws -> (master: Int32, slave: Int32) {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var number: UInt32 = 0
    var unlocked: Int32 = 0
    // TIOCGPTN and TIOCSPTLCK, which are macros that Swift cannot import.
    guard master >= 0, ioctl(master, 0x8004_5430, &number) == 0, ioctl(master, 0x4004_5431, &unlocked) == 0 else {
        throw POSIXError()
    }
    return (master, open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC))
}
