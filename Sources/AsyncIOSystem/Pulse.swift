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
        /// The watcher is reading the current step, which must not end in the meantime.
        package static let held = Flags(rawValue: UInt32(ASYNCIO_PULSE_HELD))
        /// Observers want to see steps.
        package static let observed = Flags(rawValue: UInt32(ASYNCIO_PULSE_OBSERVED))
    }

    /// The step that the loop is executing, and whether the loop is in its poller.
    package struct Position: Equatable, Sendable {
        package let steps: UInt64
        package let polls: UInt64
        /// Whether the loop is in its poller, and therefore not blocked.
        package var isPolling: Bool { polls % 2 == 1 }
    }

    // MARK: The loop's thread

    /// Begins a step. `task` is the address of the step's task, or 0 if the task is unknown. Returns the flags, which
    /// are usually empty.
    @inline(__always)
    package func step(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_step(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// Continues the step with another task or without a task. Returns the flags, which are usually empty.
    @inline(__always)
    package func setTask(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_set_task(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// Called when the loop enters its poller, even for a short time.
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
    /// The position of the loop. If two reads return the same position, the loop has not made progress between them.
    package var position: Position { unsafe Position(steps: steps, polls: asyncio_pulse_polls(raw)) }
    package var task: UnsafeRawPointer? { unsafe asyncio_pulse_task(raw) }

    /// The time at which the watcher last read the position, or 0 if no thread is watching. With this time, other
    /// threads do not have to read the clock.
    @inline(__always)
    package var now: Int64 {
        get { unsafe asyncio_pulse_now(raw) }
        set { unsafe asyncio_pulse_set_now(raw, newValue) }
    }

    /// Makes the earlier writes of this thread visible to every thread of the process. Returns false if the system does
    /// not support this.
    package static func barrierForAll() -> Bool { asyncio_barrier_for_all() }

    // MARK: Holding

    /// A lock that is held while a thread reads the state of the loop's thread.
    private static let gate = Guarded(())

    /// Runs `body`. If the loop's thread is executing a step, the step does not end until `body` has returned.
    package func whileHeld<T>(_ body: () -> T) -> T {
        Self.gate.withLock { _ in
            raise(.held)
            defer { lower(.held) }
            return body()
        }
    }

    /// Waits until no thread is reading the state of the loop's thread.
    package static func waitWhileHeld() { gate.withLock { _ in } }

    /// Runs `body` while no thread is reading the state of the loop's thread.
    package static func whileNotHeld(_ body: () -> Void) { gate.withLock { _ in body() } }
}
