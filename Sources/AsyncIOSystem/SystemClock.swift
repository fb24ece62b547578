internal import Glibc

/// The clock of `ContinuousClock`, in whole nanoseconds since the machine started.
package enum SystemClock {
    package static func now() -> Int64 {
        var now = timespec()
        // SAFETY: the system writes to the variable. The call cannot fail with this clock.
        unsafe clock_gettime(CLOCK_BOOTTIME, &now)
        return Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
    }
}
