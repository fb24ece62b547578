internal import AsyncIOSystem
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
    /// The name of the task it happened to; nil for none.
    public var task: String?
    /// Where the task was created.
    public var location: String?
    /// In debug mode: who created the task, the future or the callback, innermost first.
    ///
    /// The first look at it takes as long as it does to read the program's debugging
    /// information.
    public var trace: [CallGraphFrame] {
        get { givenTrace ?? addresses.map(CallGraphFrame.ofMaker) ?? [] }
        set { givenTrace = newValue }
    }
    fileprivate var givenTrace: [CallGraphFrame]?
    fileprivate var addresses: CodeAddresses?

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

    /// With a trace that is put into words when somebody looks at it.
    func traced(_ addresses: CodeAddresses?) -> ExceptionContext {
        var context = self
        context.addresses = addresses
        return context
    }
}

extension EventLoop {
    /// Who is told of errors that nobody else would see; nil for the default,
    /// which logs them with swift-log at level `error` under the label `asyncio`, with the
    /// names of the loop and the task among the metadata.
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
                    subject: context.message, task: context.task, location: context.location))
        }
    }

    /// Logs the error.
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

    /// Something that works but should not be so. Python's `ResourceWarning`, `RuntimeWarning`.
    static func warn(_ message: String, of loop: EventLoop? = nil) {
        logger(loop: loop ?? here, task: currentTask()?.name).warning("\(message)")
    }

    /// Its messages tell the loop and the task, unless they know better themselves. Made anew
    /// each time, since a program may choose its log when this library has begun.
    static func logger(loop: EventLoop?, task: String?) -> Logger {
        var logger = Logger(label: "asyncio")
        if let loop { logger[metadataKey: "loop"] = "\(loop.name)" }
        if let task { logger[metadataKey: "task"] = "\(task)" }
        return logger
    }

    /// Reports from a `deinit`, which may run when the loop is gone.
    static func report(_ context: ExceptionContext, of loop: EventLoop? = nil) {
        if let here { here.callExceptionHandler(context) } else { log(context, of: loop) }
    }
}
