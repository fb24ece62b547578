internal import CShims

/// What a loop's thread tells the thread that watches it; see inspect.h.
//
// SAFETY: the memory lives as long as this object; it is read and written by the atomic
// operations of inspect.h alone.
@safe
package final class Pulse: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<asyncio_pulse>

    package init() { unsafe raw = asyncio_pulse_make() }
    deinit { unsafe asyncio_pulse_free(raw) }

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The watcher looks at the present step: it must not end.
        package static let held = Flags(rawValue: UInt32(ASYNCIO_PULSE_HELD))
        /// Steps are to be timed.
        package static let timed = Flags(rawValue: UInt32(ASYNCIO_PULSE_TIMED))
    }

    /// Which step the loop is in, or that it is in its poller.
    package struct Position: Equatable, Sendable {
        package let steps: UInt64
        package let polls: UInt64
        /// Whether the loop is in its poller, and so is not blocked.
        package var isPolling: Bool { polls % 2 == 1 }
    }

    // MARK: The loop's thread

    /// A step begins; `task` is the address of whose, or 0 if that is not known. Mostly
    /// returns zero.
    @inline(__always)
    package func step(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_step(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// The step goes on as another task's, or as none's. Mostly returns zero.
    @inline(__always)
    package func setTask(_ task: UInt) -> UInt32 {
        unsafe asyncio_pulse_set_task(raw, UnsafeRawPointer(bitPattern: task))
    }

    /// The loop goes into its poller, however short it stays.
    @inline(__always)
    package func enterPoller() { unsafe asyncio_pulse_poll(raw) }

    /// The loop comes out of its poller.
    @inline(__always)
    package func leavePoller() { unsafe asyncio_pulse_poll(raw) }

    // MARK: Any thread

    package var flags: Flags { unsafe Flags(rawValue: asyncio_pulse_flags(raw)) }
    package func raise(_ flag: Flags) { unsafe asyncio_pulse_raise(raw, flag.rawValue) }
    package func lower(_ flag: Flags) { unsafe asyncio_pulse_lower(raw, flag.rawValue) }
    @inline(__always)
    package var steps: UInt64 { unsafe asyncio_pulse_steps(raw) }
    /// Where the loop is: it has not moved between two looks that find the same.
    package var position: Position { unsafe Position(steps: steps, polls: asyncio_pulse_polls(raw)) }
    package var task: UnsafeRawPointer? { unsafe asyncio_pulse_task(raw) }

    /// The time, as of the watcher's latest look, so that others need not ask the clock; 0 if
    /// nobody watches.
    @inline(__always)
    package var now: Int64 {
        get { unsafe asyncio_pulse_now(raw) }
        set { unsafe asyncio_pulse_set_now(raw, newValue) }
    }

    /// Every thread sees from now on what this one did before. False if the system has no
    /// such call.
    package static func barrierForAll() -> Bool { asyncio_barrier_for_all() }
}
