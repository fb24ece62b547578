internal import CShims
internal import Glibc
package import SystemPackage

/// A signal to which a waiting thread responds, no matter how busy the other threads are. The signal handler writes to
/// a pipe, and the thread reads from this pipe.
package struct DumpSignal: Sendable {
    private let pipe: Int32

    /// Returns nil if the signal already has a handler or is not valid.
    package init?(_ signal: Int32) throws(Errno) {
        let result = asyncio_signal_pipe(signal)
        if result == -EBUSY || result == -EINVAL { return nil }
        pipe = try check(result)
    }

    /// Waits until the signal arrives. Returns false if the signal can no longer arrive.
    package func wait() -> Bool {
        var byte: UInt8 = 0
        // SAFETY: there is room for one byte.
        let count = try? attemptUninterrupted { unsafe read(pipe, &byte, 1) }
        return count == 1
    }
}
