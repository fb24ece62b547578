internal import Synchronization

/// A `Mutex` that ThreadSanitizer understands.
///
/// The standard library's is not instrumented, so that ThreadSanitizer sees no order between
/// two threads that fought for one, and reports what it guards. A program that looks for its
/// own races should not have to read ours first. The flag says it once more, in this module:
/// two plain moves on most machines.
package struct Guarded<Value>: ~Copyable, Sendable {
    private let mutex: Mutex<Value>
    private let order = Atomic(false)

    package init(_ value: consuming sending Value) { mutex = Mutex(value) }

    package borrowing func withLock<Result, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { value throws(Failure) in
            _ = order.load(ordering: .acquiring)
            defer { order.store(true, ordering: .releasing) }
            return try body(&value)
        }
    }
}
