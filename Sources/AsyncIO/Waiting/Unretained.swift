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
    var pointer: UnsafeMutableRawPointer { unsafe raw.toOpaque() }
    /// The object's address as a number.
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
