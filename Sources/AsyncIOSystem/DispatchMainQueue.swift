internal import CShims

/// Dispatch's main queue, seen by a loop that runs on the process's first thread in its place.
package enum DispatchMainQueue {
    /// Written to whenever the queue has got something to run; nil if the process has no
    /// Dispatch in it, or no descriptor is left now. It lives as long as the process, and is
    /// Dispatch's.
    package static var descriptor: Int32? {
        let descriptor = asyncio_main_queue_descriptor()
        return descriptor >= 0 ? descriptor : nil
    }

    /// Runs what the queue has now; what that adds is news again.
    package static func drain() { asyncio_main_queue_drain() }
}
