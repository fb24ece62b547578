internal import AsyncIOSystem
internal import CShims

// The three unsafe things that waiting is made of, each with the one rule that makes it
// safe, so that the code that waits needs to know no more.

/// A suspended Swift task. Resumed exactly once, by the loop.
@safe
struct Continuation {
    // SAFETY: made by `withUnsafeContinuation`, whose body puts it in one place; the place
    // is emptied when it is resumed.
    private let raw: UnsafeContinuation<Void, Never>

    @inline(__always)
    init(_ raw: UnsafeContinuation<Void, Never>) { unsafe self.raw = raw }

    @inline(__always)
    func resume() { unsafe raw.resume() }
}

/// An object that is not retained, since the frames of a Swift task hold it, which live
/// until it has run to its end.
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

    /// The object for the length of `body`, which does not retain it.
    @inline(__always)
    func with<T>(_ body: (Object) throws -> T) rethrows -> T { try unsafe raw._withUnsafeGuaranteedRef(body) }
}

// For a structure that holds its objects by hand, since moving them about must not cost a
// count each time.
extension Unretained {
    @inline(__always)
    func retain() { _ = unsafe raw.retain() }

    @inline(__always)
    func release() { unsafe raw.release() }
}

/// A logical task, which its carrier's frames hold.
typealias UnretainedTask = Unretained<AnyAsyncTask>

/// The Swift task that carries a logical one, by its address.
@safe
@usableFromInline
struct Carrier: Equatable {
    // SAFETY: an address to compare; `cancel` is called while the Swift task lives, as a
    // task forgets its carrier before that ends.
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

    /// The functions that the Swift task is in, if it is suspended, innermost first.
    var suspendedFrames: CodeAddresses { unsafe CodeAddresses(ofSuspendedTask: address) }

    /// Swift tasks are numbered in the order they are made in.
    var number: UInt32 { unsafe asyncio_task_number(address) }

    @inline(__always)
    var bits: UInt { unsafe UInt(bitPattern: address) }
}
