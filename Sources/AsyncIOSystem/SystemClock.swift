internal import CShims

/// The clock of `ContinuousClock`, in whole nanoseconds since the machine started.
package enum SystemClock {
    package static func now() -> Int64 { asyncio_now() }
}
