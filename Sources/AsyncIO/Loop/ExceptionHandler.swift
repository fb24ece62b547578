internal import Logging

/// An error that nobody else would see.
///
/// asyncio: the context dictionary of `loop.call_exception_handler`.
public struct ExceptionContext {
    /// What happened.
    public var message: String
    /// The error itself, if there is one.
    public var error: (any Error)?
    /// The task or future it happened to, in words.
    public var subject: String?
    /// Where the task was created.
    public var location: String?
    /// In debug mode: who created the task, the future or the callback, innermost first.
    public var trace: [CallGraphFrame]

    public init(
        message: String, error: (any Error)? = nil, subject: String? = nil, location: String? = nil,
        trace: [CallGraphFrame] = []
    ) {
        self.message = message
        self.error = error
        self.subject = subject
        self.location = location
        self.trace = trace
    }
}

extension EventLoop {
    /// Who is told of errors that nobody else would see; nil for the default,
    /// which logs them with swift-log at level `error` under the label `asyncio`.
    /// What a handler throws is logged so too, with what it was to report.
    ///
    /// asyncio: `loop.set_exception_handler`.
    public func setExceptionHandler(_ handler: ((ExceptionContext) throws -> Void)?) {
        assertUsable("setExceptionHandler")
        exceptionHandler = handler
    }

    /// Reports an error to the handler.
    ///
    /// asyncio: `loop.call_exception_handler`.
    public func callExceptionHandler(_ context: ExceptionContext) {
        guard let exceptionHandler else { return defaultExceptionHandler(context) }
        do {
            try exceptionHandler(context)
        } catch let interrupt as KeyboardInterrupt {
            escaping = interrupt
        } catch {
            defaultExceptionHandler(
                ExceptionContext(
                    message: "Unhandled error in exception handler", error: error,
                    subject: context.message, location: context.location))
        }
    }

    /// Logs the error.
    ///
    /// asyncio: `loop.default_exception_handler`.
    public func defaultExceptionHandler(_ context: ExceptionContext) { Self.log(context) }

    static func log(_ context: ExceptionContext) {
        var metadata: Logger.Metadata = [:]
        if let subject = context.subject { metadata["subject"] = "\(subject)" }
        if let location = context.location { metadata["created"] = "\(location)" }
        if let error = context.error { metadata["error"] = "\(error)" }
        if !context.trace.isEmpty { metadata["trace"] = .array(context.trace.map { "\($0)" }) }
        logger.error("\(context.message)", metadata: metadata)
    }

    /// Something that works but should not be so. Python's `ResourceWarning`, `RuntimeWarning`.
    static func warn(_ message: String) { logger.warning("\(message)") }

    /// Made anew each time, since a program may choose its log when this library has begun.
    static var logger: Logger { Logger(label: "asyncio") }

    /// Reports from a `deinit`, which may run when the loop is gone.
    static func report(_ context: ExceptionContext) {
        if let here { here.callExceptionHandler(context) } else { log(context) }
    }
}
