internal import AsyncIOSystem
internal import CShims

/// The Swift task that carries an AsyncTask, identified by its address.
@safe
@usableFromInline
struct Carrier: Equatable {
    // SAFETY: the address is used for comparisons and by `cancel`. `cancel` is called only while the Swift task exists,
    // because the AsyncTask drops its carrier before the Swift task ends.
    private let address: UnsafeMutableRawPointer

    /// The Swift task of an `async` main, or nil if the task is not known.
    static var ofAsyncMain: Carrier? { unsafe ProgramExit.mainTask.map { unsafe Carrier(address: $0) } }

    /// The Swift task that is running on this thread.
    @inline(__always)
    static var current: Carrier? {
        guard let address = unsafe asyncio_task_current() else { return nil }
        return unsafe Carrier(address: address)
    }

    @inline(__always)
    @usableFromInline
    static func == (left: Carrier, right: Carrier) -> Bool { unsafe left.address == right.address }

    /// Sets the task's native cancellation flag, and runs the task's cancellation handlers.
    func cancel() { unsafe asyncio_task_cancel(address) }

    /// The functions in which the Swift task is suspended, innermost first.
    var suspendedFrames: CodeAddresses { unsafe CodeAddresses(ofSuspendedTask: address) }

    /// The number of the Swift task. Swift tasks are numbered in the order of their creation.
    var number: UInt32 { unsafe asyncio_task_number(address) }

    @inline(__always)
    var bits: UInt { unsafe UInt(bitPattern: address) }
}
