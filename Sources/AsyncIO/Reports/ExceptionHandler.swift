internal import AsyncIOSystem
internal import Logging

/// An error that would otherwise go unnoticed, with its context.
///
/// asyncio: the context dictionary of `loop.call_exception_handler`.
public struct ExceptionContext {
    /// A description of the problem.
    public var message: String
    /// The error, or `nil` if the problem is not an error.
    public var error: (any Error)?
    /// A description of the task or future in which the error occurred.
    public var subject: String?
    /// The name of the task in which the error occurred, or `nil` if the error did not occur in a task.
    public var task: String?
    /// The place where the task was created.
    public var location: String?
    /// The stack on which the task, future, or callback was created, innermost frame first. It is available only in
    /// debug mode.
    ///
    /// The first access is slow, because it reads the program's debug information.
    public var trace: [CallGraphFrame] {
        get { givenTrace ?? addresses.map(CallGraphFrame.ofMaker) ?? [] }
        set { givenTrace = newValue }
    }
    fileprivate var givenTrace: [CallGraphFrame]?
    fileprivate var addresses: CodeAddresses?

    /// Creates a context from its parts.
    public init(
        message: String, error: (any Error)? = nil, subject: String? = nil, task: String? = nil,
        location: String? = nil, trace: [CallGraphFrame] = []
    ) {
        self.message = message
        self.error = error
        self.subject = subject
        self.task = task
        self.location = location
        givenTrace = trace.isEmpty ? nil : trace
    }

    /// Returns the context with a trace that is symbolicated when it is first accessed.
    func traced(_ addresses: CodeAddresses?) -> ExceptionContext {
        var context = self
        context.addresses = addresses
        return context
    }
}

extension EventLoop {
    /// Sets the handler for errors that would otherwise go unnoticed.
    ///
    /// The default handler logs these errors with swift-log at level `error` under the label `asyncio`, with the names
    /// of the loop and the task in the metadata. If a handler throws an error, that error is logged in the same way,
    /// together with the message of the error that the handler was processing.
    ///
    /// - Parameter handler: The handler, or `nil` for the default handler.
    ///
    /// asyncio: `loop.set_exception_handler`.
    public func setExceptionHandler(_ handler: ((ExceptionContext) throws -> Void)?) {
        assertUsable("setExceptionHandler")
        exceptionHandler = handler
    }

    /// Reports an error to the exception handler.
    ///
    /// asyncio: `loop.call_exception_handler`.
    public func callExceptionHandler(_ context: ExceptionContext) {
        guard let exceptionHandler else { return defaultExceptionHandler(context) }
        do {
            try exceptionHandler(context)
        } catch {
            handleUncaught(error) {
                defaultExceptionHandler(
                    ExceptionContext(
                        message: "Unhandled error in exception handler", error: error,
                        subject: context.message, task: context.task, location: context.location))
            }
        }
    }

    /// Logs an error, as the loop does when no exception handler is set.
    ///
    /// asyncio: `loop.default_exception_handler`.
    public func defaultExceptionHandler(_ context: ExceptionContext) { Self.log(context, of: self) }

    private static func log(_ context: ExceptionContext, of loop: EventLoop?) {
        var metadata: Logger.Metadata = [:]
        if let subject = context.subject { metadata["subject"] = "\(subject)" }
        if let task = context.task { metadata["task"] = "\(task)" }
        if let location = context.location { metadata["created"] = "\(location)" }
        if let error = context.error { metadata["error"] = "\(describe(error))" }
        let logger = logger(loop: loop, task: currentTask()?.name)
        let (message, known) = (context.message, metadata)
        let log = { @Sendable (trace: [CallGraphFrame]) in
            var metadata = known
            if !trace.isEmpty { metadata["trace"] = .array(trace.map { "\($0)" }) }
            logger.error("\(message)", metadata: metadata)
        }
        if context.givenTrace == nil, let addresses = context.addresses {
            LateReports.add(of: addresses, log)
        } else {
            log(context.trace)
        }
    }

    /// Logs a warning about code that works but should be changed, like Python's `ResourceWarning` and
    /// `RuntimeWarning`.
    static func warn(_ message: String, of loop: EventLoop? = nil) {
        logger(loop: loop ?? here, task: currentTask()?.name).warning("\(message)")
    }

    /// Returns a logger whose messages include the loop and the task, unless a message sets these values itself. The
    /// logger is created each time, because a program can configure its logging after this library has started.
    static func logger(loop: EventLoop?, task: String?) -> Logger {
        var logger = Logger(label: "asyncio")
        if let loop { logger[metadataKey: "loop"] = "\(loop.name)" }
        if let task { logger[metadataKey: "task"] = "\(task)" }
        return logger
    }

    /// Reports an error from a `deinit`, which can run after the loop is gone.
    static func report(_ context: ExceptionContext, of loop: EventLoop? = nil) {
        if let here { here.callExceptionHandler(context) } else { log(context, of: loop) }
    }
}
