internal import Glibc

/// A lock for short sections that many threads compete for, and that begin and end in different functions.
///
/// Otherwise, use ``Guarded``. Under contention, its mutex passes from thread to thread in the order in which they
/// came, and each time the next thread has to be woken first. The first thread that takes this lock gets it, so a
/// running thread can take it repeatedly without a system call.
@safe
package final class ThreadLock: @unchecked Sendable {
    // SAFETY: a POSIX mutex, initialized here, destroyed when nothing can use it anymore, and never moved.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    package init() {
        unsafe mutex = .allocate(capacity: 1)
        var attributes = pthread_mutexattr_t()
        _ = unsafe pthread_mutexattr_init(&attributes)
        // Spins a little before it sleeps.
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
