#if Tracing
    internal import Instrumentation
#endif

// A task inherits the task-local values of the code that creates it, including the context of its tracing span. A
// callback is not a task, so the values have to be passed to it. Swift cannot copy all task-local values. A callback
// therefore gets only the value that tracing needs, and only if the package trait `Tracing` is enabled.

/// The context that a callback inherits from the code that schedules the callback. If the package trait `Tracing` is
/// enabled, the context is the tracing span. Otherwise, the context is empty and has no cost.
///
/// asyncio: the `contextvars.Context` that a `Handle` runs in.
struct CallerContext: Sendable {
    #if Tracing
        private let span = InstrumentationContext.current
    #endif

    /// Runs `body` in this context.
    @inline(__always)
    func run<T>(_ body: () throws -> T) rethrows -> T {
        #if Tracing
            try InstrumentationContext.withValue(span, operation: body)
        #else
            try body()
        #endif
    }

    /// Returns a closure that runs `callback` in the current context.
    @inline(__always)
    static func bind(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        #if Tracing
            let context = CallerContext()
            guard context.span != nil else { return callback }
            return { try context.run(callback) }
        #else
            callback
        #endif
    }

    @inline(__always)
    static func bind(sendable callback: @escaping @Sendable () throws -> Void) -> @Sendable () throws -> Void {
        #if Tracing
            let context = CallerContext()
            guard context.span != nil else { return callback }
            return { try context.run(callback) }
        #else
            callback
        #endif
    }

    @inline(__always)
    static func bind<T>(taking callback: @escaping (T) throws -> Void) -> (T) throws -> Void {
        #if Tracing
            let context = CallerContext()
            guard context.span != nil else { return callback }
            return { value in try context.run { try callback(value) } }
        #else
            callback
        #endif
    }
}
