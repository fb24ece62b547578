internal import CShims
internal import Glibc
package import SystemPackage

/// Threads of the operating system.
package enum Thread {
    /// Starts a detached thread that runs `body` and ends.
    package static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        // SAFETY: the pointer carries a reference. The new thread takes it over, or this thread
        // does if there is no new one.
        let context = unsafe Unmanaged.passRetained(Start(body))
        let result = unsafe asyncio_thread_start(
            name,
            { pointer in
                unsafe Unmanaged<Start>.fromOpaque(pointer.unsafelyUnwrapped).takeRetainedValue().body()
            }, context.toOpaque())
        if result < 0 {
            unsafe context.release()
            throw Errno(rawValue: -result)
        }
    }

    /// Blocks the calling thread.
    package static func pause(nanoseconds: Int64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = time
        // SAFETY: the system reads the first variable and writes to the second.
        while unsafe nanosleep(&time, &left) < 0, errno == EINTR { time = left }
    }

    /// Whether the calling thread is the process's first one.
    package static var isMain: Bool { asyncio_thread_number() == getpid() }
    package static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
