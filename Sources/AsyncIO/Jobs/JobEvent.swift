/// An event in a worker's handling of a job; see ``work(on:limit:grace:isolation:fileID:line:onEvent:_:)``.
public struct JobEvent<Job> {
    /// What has happened.
    public enum Kind {
        /// The handler begins.
        case began
        /// The handler has returned, and the job has ended.
        case done
        /// The handler has thrown an error. The job is retried, or becomes a dead letter.
        case failed(any Error)
        /// The worker ended before the handler did, and handed the job back.
        case handedBack
        /// The job was cancelled while its handler ran.
        case cancelled
        /// The delivery was not renewed in time, and the job belongs to another worker. The job may be done twice.
        case lost
        /// The delivery could not be renewed. The worker tries again; if this does not succeed in time, the job is
        /// lost.
        case unrenewed(any Error)
        /// The queue could not be reached to settle the delivery. The job will be delivered again.
        case unsettled(any Error)
    }

    /// The job.
    public let delivery: Delivery<Job>
    /// What has happened.
    public let kind: Kind
    /// The time for which the handler has run.
    public let duration: Duration

    init(_ kind: Kind, _ delivery: Delivery<Job>, after duration: Duration) {
        self.kind = kind
        self.delivery = delivery
        self.duration = duration
    }

    /// The name of the kind, for metrics.
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
