internal import CShims
internal import Glibc
package import SystemPackage

/// Threads of the operating system.
package enum Thread {
    /// Starts a detached thread that runs `body` and then ends.
    package static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        try unsafe start(body) { function, context in unsafe asyncio_thread_start(name, function, context) }
    }

    /// Starts a thread that must be joined or detached.
    ///
    /// - Parameter isBatch: Whether the thread has the scheduling policy `SCHED_BATCH`.
    package static func startJoinable(
        named name: String, isBatch: Bool = false, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) -> JoinableThread {
        var thread: UInt = 0
        try unsafe start(body) { function, context in
            unsafe asyncio_thread_start_joinable(name, isBatch, function, context, &thread)
        }
        return JoinableThread(thread)
    }

    private static func start(
        _ body: @escaping @Sendable () -> Void,
        _ create: (@convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer) -> Int32
    ) throws(Errno) {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        // SAFETY: the pointer carries a reference. The new thread releases it. If the thread cannot be started, this
        // thread releases it.
        let context = unsafe Unmanaged.passRetained(Start(body))
        let result = unsafe create(
            { pointer in
                unsafe Unmanaged<Start>.fromOpaque(pointer.unsafelyUnwrapped).takeRetainedValue().body()
            }, context.toOpaque())
        if result < 0 {
            unsafe context.release()
            throw Errno(rawValue: -result)
        }
    }

    /// Blocks the calling thread, in real time.
    package static func pause(nanoseconds: Int64) { _ = ThreadGate().wait(timeout: nanoseconds) }

    /// Whether the calling thread is the process's first thread.
    package static var isMain: Bool { number == getpid() }
    /// The ID that the system has assigned to the calling thread.
    package static var number: Int32 { asyncio_thread_number() }
    package static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

/// A thread that another thread can wait for.
package final class JoinableThread: Sendable {
    /// The system's handle, or nil after the handle was used.
    private let handle: Guarded<UInt?>

    fileprivate init(_ handle: UInt) { self.handle = Guarded(handle) }

    deinit {
        if let handle = handle.withLock({ $0.take() }) { asyncio_thread_detach(handle) }
    }

    /// Waits until the thread has ended. Only the first caller waits. For later callers, this method does nothing.
    package func join() {
        if let handle = handle.withLock({ $0.take() }) { asyncio_thread_join(handle) }
    }
}
