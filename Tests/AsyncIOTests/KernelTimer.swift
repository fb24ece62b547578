import Glibc

/// A timer of the kernel, on which SwiftNIO and Dispatch wait. Its functions are looked up where other libraries find
/// them.
nonisolated struct KernelTimer: Sendable {
    let descriptor: CInt

    private static func function<T>(_ name: String, _: T.Type) -> T {
        unsafeBitCast(dlsym(UnsafeMutableRawPointer(bitPattern: 0), name), to: T.self)
    }

    init(clock: CInt = CLOCK_MONOTONIC) {
        typealias Create = @convention(c) (CInt, CInt) -> CInt
        descriptor = Self.function("timerfd_create", Create.self)(clock, CInt(O_CLOEXEC))
    }

    /// - Returns: The result of `timerfd_settime`, and what was left of the previous time.
    @discardableResult
    func set(
        _ value: Duration, every interval: Duration = .zero, isAbsolute: Bool = false
    ) -> (result: CInt, previous: Duration) {
        typealias Set = @convention(c) (CInt, CInt, UnsafePointer<itimerspec>, UnsafeMutablePointer<itimerspec>) -> CInt
        var (new, old) = (itimerspec(), itimerspec())
        (new.it_value, new.it_interval) = (timespec(value), timespec(interval))
        let result = Self.function("timerfd_settime", Set.self)(descriptor, isAbsolute ? 1 : 0, &new, &old)
        return (result, Duration(old.it_value))
    }

    /// The time that is left, and the interval.
    var left: (value: Duration, interval: Duration) {
        typealias Get = @convention(c) (CInt, UnsafeMutablePointer<itimerspec>) -> CInt
        var now = itimerspec()
        _ = Self.function("timerfd_gettime", Get.self)(descriptor, &now)
        return (Duration(now.it_value), Duration(now.it_interval))
    }

    /// Whether the timer has expired, and this was not read.
    var hasExpired: Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 0) == 1
    }

    /// Blocks until the timer expires, and returns how often it has.
    func wait() -> UInt64 {
        var count: UInt64 = 0
        return read(descriptor, &count, 8) == 8 ? count : 0
    }

    func close() { _ = Glibc.close(descriptor) }
}

extension timespec {
    nonisolated init(_ duration: Duration) {
        self.init(
            tv_sec: Int(duration.components.seconds), tv_nsec: Int(duration.components.attoseconds / 1_000_000_000))
    }
}

extension Duration {
    nonisolated init(_ time: timespec) { self = .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec) }
}
