internal import Synchronization

/// A `Mutex` that ThreadSanitizer understands.
///
/// The standard library's mutex is not instrumented. ThreadSanitizer therefore sees no order between two threads that
/// compete for a mutex, and reports races on the data that the mutex protects. Users who look for races in their own
/// programs should not see these reports. An atomic flag in this module makes the order visible. On most machines, the
/// flag costs only two plain move instructions.
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
