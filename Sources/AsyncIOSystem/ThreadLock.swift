internal import Glibc

/// A lock for short critical sections that many threads compete for. A section can begin and end in different
/// functions.
///
/// For other cases, use ``Guarded``. Under contention, the mutex of ``Guarded`` is handed to the waiting threads in the
/// order in which they arrived, and each thread must first be woken. This lock goes to the first thread that tries to
/// take it, so a running thread can take the lock repeatedly without a system call.
@safe
package final class ThreadLock: @unchecked Sendable {
    // SAFETY: this POSIX mutex is initialized here, is never moved, and is destroyed when no thread can use it anymore.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        unsafe mutex = .allocate(capacity: 1)
        var attributes = pthread_mutexattr_t()
        _ = unsafe pthread_mutexattr_init(&attributes)
        // A waiting thread spins for a short time before it sleeps.
        _ = unsafe pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_ADAPTIVE_NP))
        _ = unsafe pthread_mutex_init(mutex, &attributes)
        _ = unsafe pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        _ = unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    @inline(__always)
    package func lock() { _ = unsafe pthread_mutex_lock(mutex) }

    @inline(__always)
    package func unlock() { _ = unsafe pthread_mutex_unlock(mutex) }
}
