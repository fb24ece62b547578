import AsyncIO
import AsyncIOTesting
import Glibc
import InMemoryTracing
import Testing
import Tracing

/// Tests the trait `Tracing`: code runs in the span that was current when it was started.
@Suite(.eventLoop) struct TracingTests {
    private let tracer = InMemoryTracer()

    /// The ID of the current span.
    private nonisolated var current: String? { InstrumentationContext.current?.inMemorySpanContext?.spanID }

    /// Runs `body` in a span, and expects that `body` records that span `count` times, and no other span.
    private func expectSpan(
        _ count: Int = 1, sourceLocation: SourceLocation = #_sourceLocation, _ body: (Seen) async throws -> Void
    ) async throws {
        let seen = Seen()
        try await tracer.withSpan("outer") { span in
            try await body(seen)
            let id = try #require(span.context.inMemorySpanContext?.spanID)
            #expect(seen.spans == Array(repeating: id, count: count), sourceLocation: sourceLocation)
        }
    }

    private final class Seen { var spans: [String?] = [] }

    // MARK: Tasks

    @Test func aTaskHasTheSpanOfItsCreator() async throws {
        try await expectSpan(2) { seen in
            try await createTask {
                seen.spans.append(current)
                try await sleep(.milliseconds(1))
                seen.spans.append(current)
            }.value
        }
    }

    @Test func anEagerTaskHasIt() async throws {
        try await expectSpan(2) { seen in
            try await createTask(eager: true) {
                seen.spans.append(current)
                try await sleep(.zero)
                seen.spans.append(current)
            }.value
        }
    }

    @Test func tasksOfCombinatorsHaveIt() async throws {
        try await expectSpan(9) { seen in
            try await gather({ seen.spans.append(current) }, { seen.spans.append(current) })
            try await gather([1, 2]) { _ in seen.spans.append(current) }
            _ = try await race({ seen.spans.append(current) })
            for try await task in asCompleted([1], { _ in seen.spans.append(current) }) { try await task.value }
            try await shield { seen.spans.append(current) }
            for try await _ in concurrentMap([1], limit: 1, { _ in seen.spans.append(current) }) {}
            _ = try await staggeredRace(delay: nil, { seen.spans.append(current) })
        }
    }

    @Test func bodiesOfScopesAndTasksOfGroupsHaveIt() async throws {
        try await expectSpan(6) { seen in
            try await withTimeout(.seconds(5)) {
                try await sleep(.zero)
                seen.spans.append(current)
            }
            try await waitFor(timeout: .seconds(5)) { seen.spans.append(current) }
            try await withAsyncTaskGroup { group in
                try group.createTask { seen.spans.append(current) }
                seen.spans.append(current)
            }
            try await withBackgroundTasks { background in
                try await background.createTask { seen.spans.append(current) }.value
            }
            for try await _ in AsyncGenerator<Int>({ yield in
                seen.spans.append(current)
                try await yield(1)
            }) {}
        }
    }

    @Test func aTaskThatOutlivesTheSpanKeepsItAndItsCreatorDoesNot() async throws {
        var late: AsyncTask<String?>?
        var id: String?
        tracer.withSpan("outer") { span in
            id = span.context.inMemorySpanContext?.spanID
            late = createTask {
                try await sleep(.milliseconds(2))
                return current
            }
        }
        #expect(current == nil)
        #expect(try await late?.value == id)
        #expect(id != nil)
    }

    // MARK: Callbacks

    @Test func callbacksHaveTheSpanOfWhoScheduledThem() async throws {
        try await expectSpan(5) { seen in
            let loop = try EventLoop.running
            let done = Future<Void>()
            try loop.callSoon { seen.spans.append(current) }
            try loop.callLater(.milliseconds(1)) { seen.spans.append(current) }
            try loop.callAt(loop.now + .milliseconds(2)) { seen.spans.append(current) }
            try loop.callSoonThreadSafe { MainActor.assumeIsolated { seen.spans.append(current) } }
            try loop.callLater(.milliseconds(3)) { try done.setResult(()) }
            done.addDoneCallback { _ in seen.spans.append(current) }
            try await done.value
            try await sleep(.zero)
        }
    }

    @Test func whatACallbackStartsHasItToo() async throws {
        try await expectSpan(3) { seen in
            let loop = try EventLoop.running
            let task = Future<AsyncTask<Void>>()
            try loop.callSoon {
                try loop.callSoon { seen.spans.append(current) }
                try task.setResult(
                    createTask {
                        try await sleep(.zero)
                        seen.spans.append(current)
                    })
            }
            try await task.value.value
            let debouncer = Debouncer(delay: .milliseconds(1)) { seen.spans.append(current) }
            debouncer.call()
            try await until { seen.spans.count == 3 }
        }
    }

    @Test func callbacksOfDescriptorsAndSignalsHaveIt() async throws {
        try await expectSpan(2) { seen in
            let loop = try EventLoop.running
            var ends: [Int32] = [0, 0]
            #expect(unsafe pipe(&ends) == 0)
            defer { for end in ends { close(end) } }
            try loop.addWriter(ends[1]) {
                seen.spans.append(current)
                try loop.removeWriter(ends[1])
            }
            try loop.addSignalHandler(.windowChange) { seen.spans.append(current) }
            kill(getpid(), SIGWINCH)
            try await until { seen.spans.count == 2 }
            try loop.removeSignalHandler(.windowChange)
        }
    }

    @Test func aCallbackScheduledOutsideOfASpanHasNoneWhateverRunsBefore() async throws {
        let loop = try EventLoop.running
        var seen: [String?] = []
        try loop.callLater(.milliseconds(1)) { seen.append(current) }
        try await tracer.withSpan("outer") { _ in
            try await sleep(.milliseconds(5))
            #expect(current != nil)
        }
        #expect(seen == [nil])
    }

    // MARK: Threads

    @Test func workOnThreadsHasIt() async throws {
        try await expectSpan(3) { seen in
            seen.spans.append(try await toThread { current })
            seen.spans.append(try await EventLoop.running.runInExecutor { current }.value)
            // In the other direction: work that a thread submits to the loop.
            let loop = try EventLoop.running
            let task = try await toThread { loop.submit { current } }
            seen.spans.append(try await task.value)
        }
    }

    // MARK: Servers

    @Test func handlersHaveTheSpanOfWhoStartedTheServerAndTheirSpansAreItsChildren() async throws {
        var outer: String?
        let server = try await tracer.withSpan("start") { span in
            outer = span.context.inMemorySpanContext?.spanID
            return try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                let line = try await reader.readLine()
                try await tracer.withSpan("request") { _ in
                    try await createTask { try await tracer.withSpan("inner") { _ in try await writer.write(line) } }
                        .value
                }
            }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write("hello\n")
        #expect(try await reader.readLine().count == 6)
        writer.close()
        try await server.shutdown(within: .seconds(5))
        let spans = tracer.finishedSpans
        #expect(spans.map(\.operationName) == ["start", "inner", "request"])
        #expect(spans.map(\.parentSpanID) == [nil, spans[2].spanID, outer])
        #expect(Set(spans.map(\.traceID)).count == 1)
    }
}
