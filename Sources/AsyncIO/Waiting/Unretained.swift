/// An unretained reference to an object. The object stays alive because the frames of a Swift task retain it. The
/// frames exist until the Swift task has ended.
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

    /// Calls `body` with the object, without retaining the object.
    @inline(__always)
    func with<T>(_ body: (Object) throws -> T) rethrows -> T { try unsafe raw._withUnsafeGuaranteedRef(body) }
}

// These methods are for structures that retain their objects manually, so that moving an object does not change its
// reference count.
extension Unretained {
    @inline(__always)
    func retain() { _ = unsafe raw.retain() }

    @inline(__always)
    func release() { unsafe raw.release() }
}

/// An unretained reference to an AsyncTask, which the frames of its carrier retain.
typealias UnretainedTask = Unretained<AnyAsyncTask>
