internal import CShims

/// The machine's clock of `ContinuousClock`, in whole nanoseconds since the machine started. It is the
/// machine's also on a thread in virtual time, where everything else that reads a clock gets the loop's time.
package enum SystemClock {
    package static func now() -> Int64 { asyncio_machine_continuous_time() }
}
