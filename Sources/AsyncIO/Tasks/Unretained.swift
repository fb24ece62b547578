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

/// A task that is not retained, since its carrier, whose frames hold it, outlives the
/// reference: a suspended carrier lives until it was resumed.
@safe
struct UnretainedTask {
    // SAFETY: see above.
    private let raw: Unmanaged<AnyAsyncTask>

    @inline(__always)
    init(_ task: AnyAsyncTask) { unsafe raw = .passUnretained(task) }

    @inline(__always)
    var task: AnyAsyncTask { unsafe raw.takeUnretainedValue() }
}

/// The Swift task that carries a logical one, by its address.
@safe
@usableFromInline
struct Carrier: Equatable {
    // SAFETY: an address to compare; `cancel` is called while the Swift task lives, as a
    // task forgets its carrier before that ends.
    private let address: UnsafeMutableRawPointer

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

    @inline(__always)
    var bits: UInt { unsafe UInt(bitPattern: address) }
}
