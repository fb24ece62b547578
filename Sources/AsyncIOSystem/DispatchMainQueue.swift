internal import CShims

/// Dispatch's main queue, whose work is run by a loop on the process's first thread.
package enum DispatchMainQueue {
    /// A descriptor that Dispatch writes to when the queue has work to run, or nil if the process does not contain
    /// Dispatch or no descriptor is currently available. The descriptor belongs to Dispatch and lives as long as the
    /// process.
    package static var descriptor: Int32? {
        let descriptor = asyncio_main_queue_descriptor()
        return descriptor >= 0 ? descriptor : nil
    }

    /// Runs the work that is currently in the queue. Dispatch separately reports work that is added in the meantime.
    package static func drain() { asyncio_main_queue_drain() }
}
