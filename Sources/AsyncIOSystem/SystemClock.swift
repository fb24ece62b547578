internal import CShims

/// The machine's clock, which `ContinuousClock` uses, in whole nanoseconds since the machine started. Even on a thread
/// in virtual time, where all other clock reads return the loop's time, this is the time of the machine.
package enum SystemClock {
    package static func now() -> Int64 { asyncio_machine_continuous_time() }
}
