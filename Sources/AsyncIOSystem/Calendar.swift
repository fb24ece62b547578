internal import Glibc

/// The system's wall clock and time zone.
package enum Calendar {
    /// The time since 1 January 1970 at 00:00 UTC. In virtual time, this is the loop's time.
    package static func now() -> Duration {
        var time = timespec()
        // SAFETY: the call writes to `time` only. It cannot fail for this clock.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Returns the number of seconds by which local time is ahead of UTC. `seconds` is the time since 1970.
    package static func localOffset(at seconds: Int64) -> Int64 {
        var time = time_t(seconds)
        var local = unsafe tm()
        // SAFETY: the call reads `time` and writes to `local` only.
        guard unsafe localtime_r(&time, &local) != nil else { return 0 }
        return unsafe Int64(local.tm_gmtoff)
    }
}
