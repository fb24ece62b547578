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

    private var currentSpan: String? { InstrumentationContext.current?.inMemorySpanContext?.spanID }

    /// The spans that have ended, by kind.
    private func spans(_ kind: SpanKind) -> [FinishedInMemorySpan] {
        Self.tracer.finishedSpans.filter { $0.kind == kind }
    }

    @Test func aHandlerRunsInAChildOfTheSpanOfThePut() async throws {
        Self.tracer.clearFinishedSpans()
        let queue = LocalJobQueue<Int>("thumbnails")
        var outer: [String?] = []
        for job in 0..<2 {
            try await Self.tracer.withSpan("request \(job)") { span in
                outer.append(currentSpan)
                try await queue.put(job, options: JobOptions(id: "\(job)"))
                #expect(currentSpan == outer.last)
            }
        }
        queue.shutdown()
        var inner: [String?] = []
        try await work(on: queue) { _ in inner.append(currentSpan) }

        let puts = spans(.producer)
        #expect(puts.map(\.operationName) == ["send thumbnails", "send thumbnails"])
        #expect(puts.map(\.parentSpanID) == outer)
        let runs = spans(.consumer)
        #expect(runs.map(\.operationName) == ["process thumbnails", "process thumbnails"])
        #expect(runs.map(\.parentSpanID) == puts.map(\.spanID))
        #expect(runs.map(\.spanID) == inner)
        #expect(runs.map(\.traceID) == puts.map(\.traceID))
        for (spans, operation, type) in [(puts, "put", "send"), (runs, "work", "process")] {
            for (job, span) in spans.enumerated() {
                #expect(span.attributes.get("messaging.system") == "asyncio")
                #expect(span.attributes.get("messaging.destination.name") == "thumbnails")
                #expect(span.attributes.get("messaging.message.id") == .string("\(job)"))
                #expect(span.attributes.get("messaging.operation.name") == .string(operation))
                #expect(span.attributes.get("messaging.operation.type") == .string(type))
                #expect(span.errors.isEmpty && span.status == nil)
            }
        }
    }

    @Test func eachAttemptHasASpanThatSaysHowItEnded() async throws {
        Self.tracer.clearFinishedSpans()
        let queue = LocalJobQueue<Int>(policy: JobPolicy(maxDeliveries: 3))
        // Without a span around it, the put begins a trace.
        try await queue.put(1)
        let worker = createTask {
            try await work(on: queue, grace: .zero) { delivery in
                if delivery.attempt == 1 { throw JobFailure("the printer is out of paper") }
                try await sleep(.seconds(3600))
            }
        }
        while spans(.consumer).count < 1 { try await sleep(.milliseconds(100)) }
        while try await queue.counts().running == 0 { try await sleep(.milliseconds(100)) }
        worker.cancel()
        await #expect(throws: CancellationError.self) { try await worker.value }

        let put = try #require(spans(.producer).first)
        #expect(put.parentSpanID == nil)
        let runs = spans(.consumer)
        #expect(runs.map(\.parentSpanID) == [put.spanID, put.spanID])
        #expect(runs.map { $0.attributes.get("asyncio.job.attempt") } == [.int64(1), .int64(2)])
        #expect(runs[0].status?.code == .error)
        #expect(runs[0].errors.map { "\($0.error)" } == ["the printer is out of paper"])
        #expect(runs[0].attributes.get("error.type") == "JobFailure")
        // The second attempt was interrupted, which is not an error of the job.
        #expect(runs[1].status == nil && runs[1].errors.isEmpty)
    }

    @Test func aPutThatFailsSaysSo() async throws {
        Self.tracer.clearFinishedSpans()
        let queue = LocalJobQueue<Int>()
        queue.shutdown()
        await #expect(throws: QueueShutDown.self) { try await queue.put(1) }
        let put = try #require(spans(.producer).first)
        #expect(put.status?.code == .error)
        #expect(put.attributes.get("error.type") == "QueueShutDown")
    }
}
