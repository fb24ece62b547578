#if Tracing
    internal import Instrumentation
#endif

// A task has the task-local values of who made it, and with them the context of the
// span that it belongs to. A callback is no task: what it is to have, it must be given. Swift
// has no way to copy all task-local values, so that it is given the one that tracing needs,
// and that only if the package's trait `Tracing` is on.

/// What goes over from who schedules a callback to the callback: with the trait `Tracing`, the
/// span's context; otherwise nothing, at no cost.
///
/// asyncio: the `contextvars.Context` that a `Handle` runs in.
struct CallerContext: Sendable {
    #if Tracing
        private let span = InstrumentationContext.current
    #endif

    /// Runs `body` in the context.
    @inline(__always)
    func run<T>(_ body: () throws -> T) rethrows -> T {
        #if Tracing
            try InstrumentationContext.withValue(span, operation: body)
        #else
            try body()
        #endif
    }

    /// `callback`, to be run in the present context.
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
