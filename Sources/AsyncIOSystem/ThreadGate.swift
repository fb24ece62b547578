internal import CShims
internal import Glibc

/// A gate at which one thread waits until another opens it.
@safe
package final class ThreadGate: @unchecked Sendable {
    // SAFETY: a POSIX semaphore, initialized here, destroyed when nothing can use it anymore, and never moved.
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

    /// - Returns: false if `timeout` nanoseconds have passed and the gate was not opened.
    package func wait(timeout: Int64?) -> Bool {
        guard let timeout else {
            wait()
            return true
        }
        return unsafe asyncio_semaphore_wait(semaphore, timeout)
    }
}
