#if Tracing
    internal import Instrumentation
    internal import Tracing
#endif

/// The tracing spans of jobs. Putting a job into the queue creates a span, and each run of a handler creates a child of
/// that span. The context of the job stores the headers of the first span. Without the trait `Tracing`, this type does
/// nothing.
///
/// The names and attributes are those of the OpenTelemetry conventions for messaging.
package enum JobTrace {
    /// Puts a job into the queue, in a separate span.
    ///
    /// - Parameters:
    ///   - queue: The name of the queue.
    ///   - id: The identifier of the job.
    ///   - context: The context of the job.
    ///   - body: A closure that puts the job into the queue. Its argument is the context with the headers of the span.
    package static func put<T>(
        on queue: String, id: String, context: [String: String], _ body: ([String: String]) async throws -> T
    ) async throws -> T {
        #if Tracing
            let span = InstrumentationSystem.tracer.startSpan("send \(queue)", ofKind: .producer)
            describe(span, "put", "send", queue, id)
            var context = context
            InstrumentationSystem.instrument.inject(span.context, into: &context, using: Headers())
            return try await run(in: span) { try await body(context) }
        #else
            return try await body(context)
        #endif
    }

    /// Runs a handler in a separate span.
    ///
    /// - Parameters:
    ///   - queue: The name of the queue.
    ///   - delivery: The delivery that the handler processes.
    ///   - body: The handler.
    static func process<Job>(
        on queue: String, _ delivery: Delivery<Job>, _ body: () async throws -> Void
    ) async throws {
        #if Tracing
            var parent = InstrumentationContext.current ?? .topLevel
            InstrumentationSystem.instrument.extract(delivery.context, into: &parent, using: Headers())
            let span = InstrumentationSystem.tracer.startSpan(
                "process \(queue)", context: parent, ofKind: .consumer)
            describe(span, "work", "process", queue, delivery.id)
            span.attributes["asyncio.job.attempt"] = delivery.attempt
            try await run(in: span, body)
        #else
            try await body()
        #endif
    }

    #if Tracing
        private static func describe(
            _ span: some Span, _ operation: String, _ type: String, _ queue: String, _ id: String
        ) {
            span.attributes["messaging.system"] = "asyncio"
            span.attributes["messaging.operation.name"] = operation
            span.attributes["messaging.operation.type"] = type
            span.attributes["messaging.destination.name"] = queue
            span.attributes["messaging.message.id"] = id
        }

        /// Ends the span with the outcome of `body`. If `body` throws a cancellation error, the span does not record an
        /// error.
        private static func run<T>(in span: some Span, _ body: () async throws -> T) async throws -> T {
            defer { span.end() }
            do {
                return try await InstrumentationContext.withValue(span.context, operation: body)
            } catch {
                if !isCancellation(error) {
                    span.recordError(error)
                    span.setStatus(SpanStatus(code: .error))
                    span.attributes["error.type"] = "\(type(of: error))"
                }
                throw error
            }
        }
    #endif
}

#if Tracing
    private struct Headers: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
#endif
