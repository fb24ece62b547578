internal import Synchronization

/// A `Mutex` that ThreadSanitizer understands.
///
/// The standard library's mutex is not instrumented. ThreadSanitizer therefore sees no order
/// between two threads that compete for one, and reports the data that it protects. Users who look
/// for races in their own program should not see such reports. The flag repeats the order in this
/// module, at the cost of two plain moves on most machines.
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
