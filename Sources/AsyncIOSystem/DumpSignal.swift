internal import CShims
internal import Glibc
package import SystemPackage

/// A signal that a thread waits for, however busy the others are: its handler writes to a
/// pipe, which the thread reads.
package struct DumpSignal: Sendable {
    private let pipe: Int32

    /// Nil if the signal has a handler already, or is none.
    package init?(_ signal: Int32) throws(Errno) {
        let result = asyncio_signal_pipe(signal)
        if result == -EBUSY || result == -EINVAL { return nil }
        pipe = try check(result)
    }

    /// Waits until the signal comes. False if it never will.
    package func wait() -> Bool { asyncio_signal_wait(pipe) }
}
