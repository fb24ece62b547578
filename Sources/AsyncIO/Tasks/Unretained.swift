internal import AsyncIOSystem
internal import CShims

// The three unsafe building blocks of waiting, each with the rule that makes it safe, so that the code that
// waits does not need to know more.

/// A suspended Swift task. The loop resumes it exactly once.
@safe
struct Continuation {
    // SAFETY: created by `withUnsafeContinuation`, whose body stores it in one variable; the variable is
    // cleared when it is resumed.
    private let raw: UnsafeContinuation<Void, Never>

    @inline(__always)
    init(_ raw: UnsafeContinuation<Void, Never>) { unsafe self.raw = raw }

    @inline(__always)
    func resume() { unsafe raw.resume() }
}

/// An object that is not retained, because the frames of a Swift task retain it. They live until the task has
/// run to its end.
@safe
struct Unretained<Object: AnyObject> {
    // SAFETY: see above.
    private let raw: Unmanaged<Object>

    @inline(__always)
    init(_ object: Object) { unsafe raw = .passUnretained(object) }

    @inline(__always)
    var object: Object { unsafe raw.takeUnretainedValue() }

    /// The object's address.
    @inline(__always)
    var bits: UInt { unsafe UInt(bitPattern: raw.toOpaque()) }

    /// Calls `body` with the object, without retaining it.
    @inline(__always)
    func with<T>(_ body: (Object) throws -> T) rethrows -> T { try unsafe raw._withUnsafeGuaranteedRef(body) }
}

// For a structure that retains its objects manually, because moving them must not change a reference count
// each time.
extension Unretained {
    @inline(__always)
    func retain() { _ = unsafe raw.retain() }

    @inline(__always)
    func release() { unsafe raw.release() }
}

/// An AsyncTask, which its carrier's frames retain.
typealias UnretainedTask = Unretained<AnyAsyncTask>

/// The Swift task that carries an AsyncTask, identified by its address.
@safe
@usableFromInline
struct Carrier: Equatable {
    // SAFETY: an address for comparisons. `cancel` is called while the Swift task lives, because a task
    // forgets its carrier before that ends.
    private let address: UnsafeMutableRawPointer

    /// The Swift task of an `async` main, if it is known.
    static var ofAsyncMain: Carrier? { unsafe ProgramExit.mainTask.map { unsafe Carrier(address: $0) } }

    /// The Swift task that runs on this thread.
    @inline(__always)
    static var current: Carrier? {
        guard let address = unsafe asyncio_task_current() else { return nil }
        return unsafe Carrier(address: address)
    }

    @inline(__always)
    @usableFromInline
    static func == (left: Carrier, right: Carrier) -> Bool { unsafe left.address == right.address }

    /// Sets the native cancellation flag and runs its handlers.
    func cancel() { unsafe asyncio_task_cancel(address) }

    /// The functions that the Swift task is suspended in, innermost first.
    var suspendedFrames: CodeAddresses { unsafe CodeAddresses(ofSuspendedTask: address) }

    /// The number of the Swift task. Swift tasks are numbered in the order of their creation.
    var number: UInt32 { unsafe asyncio_task_number(address) }

    @inline(__always)
    var bits: UInt { unsafe UInt(bitPattern: address) }
}
