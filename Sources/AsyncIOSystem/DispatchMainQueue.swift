internal import CShims

/// Dispatch's main queue, served by a loop that runs on the process's first thread.
package enum DispatchMainQueue {
    /// A descriptor that is written to when the queue has work to run; nil if the process does not
    /// contain Dispatch, or no descriptor is available now. It belongs to Dispatch and lives as
    /// long as the process.
    package static var descriptor: Int32? {
        let descriptor = asyncio_main_queue_descriptor()
        return descriptor >= 0 ? descriptor : nil
    }

    /// Runs the work that is in the queue now. Work that is added meanwhile is reported again.
    package static func drain() { asyncio_main_queue_drain() }
}
