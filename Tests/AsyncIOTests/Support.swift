import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import Synchronization
import Testing

/// Runs `body` as at the top level of a program. The test runner itself runs on a loop, which waits
/// meanwhile.
nonisolated func atTopLevel<T>(_ body: () throws -> T) rethrows -> T { try EventLoop.outsideOfAnyLoop(body) }

/// Runs `body` with a loop in real time that is not running yet, and closes it.
nonisolated func withLoop(_ body: (EventLoop) throws -> Void) throws {
    try atTopLevel {
        let loop = try EventLoop()
        let result = Result { try body(loop) }
        try loop.close()
        try result.get()
    }
}

/// The same as `withLoop`, but in virtual time.
nonisolated func withVirtualTimeLoop(_ body: (EventLoop) throws -> Void) throws {
    try atTopLevel {
        let loop = try VirtualLoop().loop
        let result = Result { try body(loop) }
        try loop.close()
        try result.get()
    }
}

/// The calling thread.
nonisolated func thisThread() -> UInt { UInt(pthread_self()) }

/// The name of the calling thread.
nonisolated func threadName() -> String {
    let file = open("/proc/thread-self/comm", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 32)
    let count = read(file, &bytes, bytes.count)
    return String(decoding: bytes[..<max(0, count - 1)], as: UTF8.self)
}

/// Runs `body` on a thread that asyncio does not know.
nonisolated func onForeignThread(_ body: @escaping @Sendable () -> Void) {
    do { try Thread.start(named: "foreign", body) } catch { Issue.record(error) }
}

/// Blocks the calling thread.
nonisolated func block(_ duration: Duration) { usleep(UInt32(duration / .microseconds(1))) }

/// A log shared by several parts of a test.
final class Log {
    var lines: [String] = []
    func callAsFunction(_ line: String) { lines.append(line) }
}

/// Tells the compiler that this runs on the loop's thread. Stops the test if it does not.
nonisolated func onLoop(_ body: @MainActor () throws -> Void) rethrows {
    try MainActor.assumeIsolated { try body() }
}

/// A number that threads can increase.
nonisolated final class Counter: Sendable {
    private let number = Atomic(0)
    var value: Int { number.load(ordering: .acquiring) }
    @discardableResult
    func increase(by amount: Int = 1) -> Int { number.add(amount, ordering: .acquiringAndReleasing).newValue }
}

/// A flag that one thread sets for another.
nonisolated final class Flag: Sendable {
    private let state = Atomic(false)
    var isSet: Bool { state.load(ordering: .acquiring) }
    func set() { state.store(true, ordering: .releasing) }
    /// Blocks the calling thread.
    func wait() { while !isSet { block(.microseconds(100)) } }
}

/// Bytes as text; "" for nil.
nonisolated func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

/// An object for checking whether something is still alive.
final class Witness {}

/// A pipe, which is closed on deallocation.
final class Pipe {
    let reader: Int32
    let writer: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw POSIXError() }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (reader, writer) = (ends[0], ends[1])
    }

    func send(_ byte: UInt8 = 1) { _ = withUnsafeBytes(of: byte) { write(writer, $0.baseAddress, 1) } }

    /// - Returns: the number of bytes.
    @discardableResult
    func drain() -> Int {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        return max(0, read(reader, &bytes, bytes.count))
    }

    /// Fills the pipe completely.
    func fill() {
        let bytes = [UInt8](repeating: 0, count: 65_536)
        while write(writer, bytes, bytes.count) > 0 {}
    }

    deinit {
        close(reader)
        close(writer)
    }
}

struct POSIXError: Error { let code = errno }
struct TestError: Error, Equatable {
    let name: String
    init(_ name: String = "") { self.name = name }
}

nonisolated extension ExitTest.Result {
    /// What the process printed before it ended.
    var standardError: String { String(decoding: standardErrorContent, as: UTF8.self) }
}
