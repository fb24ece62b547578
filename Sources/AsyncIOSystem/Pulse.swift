internal import CShims

/// The state that a loop's thread publishes to the thread that watches it; see pulse.h.
//
// SAFETY: the memory lives as long as this object. It is read and written only by the atomic
// operations in pulse.h.
@safe
package final class Pulse: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<asyncio_pulse>

    package init() { unsafe raw = asyncio_pulse_make() }
    deinit { unsafe asyncio_pulse_free(raw) }

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The watcher reads the current step, which must not end meanwhile.
        package static let held = Flags(rawValue: UInt32(ASYNCIO_PULSE_HELD))
        /// Observers want to see steps.
        package static let observed = Flags(rawValue: UInt32(ASYNCIO_PULSE_OBSERVED))
    }

    /// The step that the loop is in, or the fact that it is in its poller.
    package struct Position: Equatable, Sendable {
        package let steps: UInt64
        package let polls: UInt64
        /// Whether the loop is in its poller, and therefore not blocked.
        package var isPolling: Bool { polls % 2 == 1 }
    }

    // MARK: The loop's thread

    /// Begins a step; `task` is the address of its task, or 0 if unknown. Usually returns zero.
    @inline(__always)
    package func step(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_step(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// Continues the step with another task, or with none. Usually returns zero.
    @inline(__always)
    package func setTask(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_set_task(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// Called when the loop enters its poller, however briefly.
    @inline(__always)
    package func enterPoller() { unsafe asyncio_pulse_poll(raw) }

    /// Called when the loop leaves its poller.
    @inline(__always)
    package func leavePoller() { unsafe asyncio_pulse_poll(raw) }

    // MARK: Any thread

    package var flags: Flags { unsafe Flags(rawValue: asyncio_pulse_flags(raw)) }
    package func raise(_ flag: Flags) { unsafe asyncio_pulse_raise(raw, flag.rawValue) }
    package func lower(_ flag: Flags) { unsafe asyncio_pulse_lower(raw, flag.rawValue) }
    @inline(__always)
    package var steps: UInt64 { unsafe asyncio_pulse_steps(raw) }
    /// The position of the loop. If two looks find the same position, the loop has not moved in
    /// between.
    package var position: Position { unsafe Position(steps: steps, polls: asyncio_pulse_polls(raw)) }
    package var task: UnsafeRawPointer? { unsafe asyncio_pulse_task(raw) }

    /// The time of the watcher's latest look, which saves others reading the clock; 0 if no thread
    /// watches.
    @inline(__always)
    package var now: Int64 {
        get { unsafe asyncio_pulse_now(raw) }
        set { unsafe asyncio_pulse_set_now(raw, newValue) }
    }

    /// Makes every thread see what this one did before. Returns false if the system does not
    /// support it.
    package static func barrierForAll() -> Bool { asyncio_barrier_for_all() }

    // MARK: Holding

    /// Held while a thread reads what the loop's thread is doing.
    private static let gate = Guarded(())

    /// Runs `body` while the loop's thread, if it is in a step, stays in it until `body` has returned.
    package func whileHeld<T>(_ body: () -> T) -> T {
        Self.gate.withLock { _ in
            raise(.held)
            defer { lower(.held) }
            return body()
        }
    }

    /// Waits until no thread reads what the loop's thread is doing.
    package static func waitWhileHeld() { gate.withLock { _ in } }

    /// Runs `body` while no thread reads what the loop's thread is doing.
    package static func whileNotHeld(_ body: () -> Void) { gate.withLock { _ in body() } }
}
