internal import CShims
internal import Glibc

/// A gate at which one thread waits until another thread opens the gate.
@safe
package final class ThreadGate: @unchecked Sendable {
    // SAFETY: this POSIX semaphore is initialized here, is never moved, and is destroyed when no thread can use it
    // anymore.
    private let semaphore: UnsafeMutablePointer<sem_t>

    package init() {
        unsafe semaphore = .allocate(capacity: 1)
        _ = unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        _ = unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    package func open() { _ = unsafe sem_post(semaphore) }

    package func wait() {
        while unsafe sem_wait(semaphore) != 0 {}
    }

    /// - Returns: False if the gate was not opened within `timeout` nanoseconds.
    package func wait(timeout: Int64?) -> Bool {
        guard let timeout else {
            wait()
            return true
        }
        return unsafe asyncio_semaphore_wait(semaphore, timeout)
    }
}
