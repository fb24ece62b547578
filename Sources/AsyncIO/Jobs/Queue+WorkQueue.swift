/// A ``Queue`` is the simplest work queue. It delivers each job only once.
///
/// A job counts as done when it is acknowledged or rejected; see ``Queue/taskDone()``. The queue reports the error of a
/// rejected job to the exception handler of the loop, and does not retry the job. For retries, use a ``LocalJobQueue``.
extension Queue: WorkQueue {
    /// The items of the queue are the jobs.
    public typealias Job = Element

    /// Takes an item. The item counts as unfinished until the delivery is settled; see ``get()``.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down and empty; `CancellationError` if the task is cancelled
    ///   while it waits. In that case, no item is lost.
    public final func receive() async throws -> Delivery<Element> {
        let item = try await get()
        state.received += 1
        return Delivery(job: item, id: "\(state.received)") { action in
            switch action {
            case .acknowledge: try self.taskDone()
            case .reject(let failure):
                try self.taskDone()
                EventLoop.report(ExceptionContext(message: "A job failed", error: failure))
            case .handBack: self.putBack(item)
            case .progress: break
            }
        }
    }

    /// Puts back an item that was taken, even if the queue is full or shut down.
    private final func putBack(_ item: Element) {
        append(item)
        state.itemCame()
        state.finish(1)
    }
}
