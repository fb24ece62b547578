/// A lock, or a place in a semaphore, that a task holds on a server for a limited time.
///
/// The lease is renewed in the background until the body ends. If it cannot be renewed in time, the body is cancelled;
/// see ``RedisLeaseLostError``.
///
/// redis-py: the state of a `Lock`.
public final class RedisLease {
    /// A number that grows with each lease of the same key. Pass the number to a store that rejects numbers lower than
    /// the highest number that it has received. The check protects the store from a holder that has not yet noticed
    /// that its lease has ended.
    public let fencingToken: Int
    /// Whether the lease was lost.
    public private(set) var isLost = false

    init(fencingToken: Int) { self.fencingToken = fencingToken }

    func lose() { isLost = true }
}

/// An error thrown when a lease could not be renewed in time. The body was cancelled, because another task may now hold
/// the lock or the place, or may be doing the work of ``RedisQueue/once(_:keptFor:lease:_:)``.
///
/// redis-py: `LockNotOwnedError`.
public struct RedisLeaseLostError: Error, CustomStringConvertible {
    /// The key of the lock, the semaphore, or the work.
    public let key: String
    /// The error as text.
    public var description: String { "the lease of \(key) was lost" }
}
