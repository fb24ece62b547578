/// An event that occurs while a worker handles a job; see ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)``.
public struct JobEvent<Job> {
    /// The kind of an event.
    public enum Kind {
        /// The handler begins.
        case began
        /// The handler has returned, and the job has ended.
        case done
        /// The handler has thrown an error. The queue retries the job, or stores it as a dead letter.
        case failed(any Error)
        /// The worker ended before the handler did, and handed the job back to the queue.
        case handedBack
        /// The job was cancelled while its handler was running.
        case cancelled
        /// The delivery was not renewed in time, and the job now belongs to another worker. The work may be done twice.
        case lost
        /// An attempt to renew the delivery failed. The worker will try again. If no renewal succeeds in time, the
        /// worker loses the job.
        case unrenewed(any Error)
        /// The worker could not reach the queue to settle the delivery. The queue will deliver the job again.
        case unsettled(any Error)
    }

    /// The delivery of the job.
    public let delivery: Delivery<Job>
    /// The kind of the event.
    public let kind: Kind
    /// The time for which the handler has run.
    public let duration: Duration

    init(_ kind: Kind, _ delivery: Delivery<Job>, after duration: Duration) {
        self.kind = kind
        self.delivery = delivery
        self.duration = duration
    }

    /// The name of the kind, for use in metrics.
    var outcome: String {
        switch kind {
        case .began: "began"
        case .done: "done"
        case .failed: "failed"
        case .handedBack: "handed back"
        case .cancelled: "cancelled"
        case .lost: "lost"
        case .unrenewed: "unrenewed"
        case .unsettled: "unsettled"
        }
    }
}
