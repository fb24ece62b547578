/// The methods that a ``SubprocessTransport`` calls to report events of its process.
///
/// The transport calls `connectionMade` first. It then reports the data from the pipes and the end of each pipe. It
/// calls `processExited` once, possibly before it reports the last data. When the process and all its pipes have ended,
/// it calls `connectionLost` once. `pauseWriting` and `resumeWriting` apply to the process's standard input.
///
/// If a method throws an error, the loop's exception handler is called. An error from `pipeDataReceived` also closes
/// the pipe.
///
/// asyncio: `asyncio.SubprocessProtocol`.
public protocol SubprocessProtocol: BaseProtocol {
    /// Called first, when the process has been started.
    ///
    /// - Throws: Any error; see ``SubprocessProtocol``.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: SubprocessTransport) throws

    /// Called when the process has written data.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor of the pipe in the process: 1 for standard output, or 2 for standard error.
    ///   - bytes: The data.
    /// - Throws: Any error; see ``SubprocessProtocol``.
    ///
    /// asyncio: `pipe_data_received`.
    func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) throws

    /// Called when a pipe to or from the process has ended.
    ///
    /// - Parameters:
    ///   - descriptor: The descriptor of the pipe in the process: 0, 1, or 2.
    ///   - error: The error if the pipe failed, or `nil` if the pipe ended normally.
    /// - Throws: Any error; see ``SubprocessProtocol``.
    ///
    /// asyncio: `pipe_connection_lost`.
    func pipeConnectionLost(_ descriptor: Int32, _ error: (any Error)?) throws

    /// Called when the process has ended; see ``SubprocessTransport/returnCode``.
    ///
    /// - Throws: Any error; see ``SubprocessProtocol``.
    ///
    /// asyncio: `process_exited`.
    func processExited() throws
}

extension SubprocessProtocol {
    /// Does nothing.
    public func connectionMade(_ transport: SubprocessTransport) {}
    /// Does nothing.
    public func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) {}
    /// Does nothing.
    public func pipeConnectionLost(_ descriptor: Int32, _ error: (any Error)?) {}
    /// Does nothing.
    public func processExited() {}
}
