#if Tracing
    internal import Instrumentation
#endif

/// Carries the tracing span from the code that puts a job into a queue to the job's handler, as headers in the job's
/// context. Without the trait `Tracing`, the context does not change.
package enum JobTrace {
    /// Adds the headers of the current span.
    package static func inject(into context: inout [String: String]) {
        #if Tracing
            guard let span = InstrumentationContext.current else { return }
            InstrumentationSystem.instrument.inject(span, into: &context, using: Headers())
        #endif
    }

    /// Runs `body` in the span that the headers describe.
    static func withContext(of context: [String: String], _ body: () async throws -> Void) async throws {
        #if Tracing
            var span = InstrumentationContext.current ?? .topLevel
            InstrumentationSystem.instrument.extract(context, into: &span, using: Headers())
            try await InstrumentationContext.withValue(span, operation: body)
        #else
            try await body()
        #endif
    }
}

#if Tracing
    private struct Headers: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
#endif
