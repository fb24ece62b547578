import AsyncIO
import AsyncIOTesting
import CoreMetrics
import InMemoryTracing
import MetricsTestKit
import Testing
import Tracing

/// Tests what the traits `Metrics` and `Tracing` add to job queues. Both use the systems of the process.
@Suite(.virtualTime, .serialized) struct JobTests {
    private static let metrics = {
        let metrics = TestMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    private static let tracer = {
        let tracer = InMemoryTracer()
        InstrumentationSystem.bootstrap(tracer)
        return tracer
    }()

    @Test func jobsAreCountedByOutcomeAndTimed() async throws {
        let metrics = Self.metrics
        let queue = LocalJobQueue<Int>("thumbnails", policy: JobPolicy(maxDeliveries: 2))
        for job in 0..<5 { try await queue.put(job) }
        queue.shutdown()
        try await work(on: queue) { delivery in
            try await sleep(.seconds(2))
            if delivery.job == 3 { throw JobFailure("no") }
        }
        let done = try metrics.expectCounter("asyncio_jobs", [("queue", "thumbnails"), ("outcome", "done")])
        let failed = try metrics.expectCounter("asyncio_jobs", [("queue", "thumbnails"), ("outcome", "failed")])
        #expect(done.totalValue == 4)
        #expect(failed.totalValue == 2)
        let times = try metrics.expectTimer("asyncio_job_time", [("queue", "thumbnails")])
        #expect(times.values == Array(repeating: 2_000_000_000, count: 6))
    }

    @Test func aHandlerRunsInTheSpanOfTheProducer() async throws {
        let queue = LocalJobQueue<Int>()
        var expected: [String?] = []
        for job in 0..<2 {
            try await Self.tracer.withSpan("producer \(job)") { span in
                expected.append(span.context.inMemorySpanContext?.spanID)
                try await queue.put(job)
            }
        }
        queue.shutdown()
        var seen: [String?] = []
        try await work(on: queue) { _ in
            seen.append(InstrumentationContext.current?.inMemorySpanContext?.spanID)
        }
        #expect(seen == expected)
        #expect(seen.allSatisfy { $0 != nil })
    }
}
