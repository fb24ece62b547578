#if Metrics
    internal import CoreMetrics
#endif

/// The metrics of a worker: a counter `asyncio_jobs` with the dimensions `queue` and `outcome`, and a timer
/// `asyncio_job_time` with the dimension `queue`. The metrics require the trait `Metrics`.
struct JobMetrics {
    let queue: String

    func record<Job>(_ event: JobEvent<Job>) {
        #if Metrics
            switch event.kind {
            case .began, .unrenewed: return
            default: break
            }
            Counter(label: "asyncio_jobs", dimensions: [("queue", queue), ("outcome", event.outcome)]).increment()
            CoreMetrics.Timer(
                label: "asyncio_job_time", dimensions: [("queue", queue)], preferredDisplayUnit: .seconds
            ).recordNanoseconds(event.duration.roundedUpNanoseconds)
        #endif
    }
}
