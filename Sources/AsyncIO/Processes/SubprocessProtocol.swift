/// What a ``SubprocessTransport`` tells of its process.
///
/// The order of calls: `connectionMade`; then data of the pipes, as often as it comes, and
/// the end of each pipe; `processExited` once, perhaps before the last data; then, when the
/// process has ended and all its pipes too, `connectionLost` once. `pauseWriting` and
/// `resumeWriting` are about the process's standard input.
///
/// asyncio: `asyncio.SubprocessProtocol`.
public protocol SubprocessProtocol: BaseProtocol {
    /// The process has been started; the first call.
    ///
    /// asyncio: `connection_made`.
    func connectionMade(_ transport: SubprocessTransport) throws

    /// The process has written something.
    ///
    /// - Parameter descriptor: 1 for its standard output, 2 for its standard error.
    ///
    /// asyncio: `pipe_data_received`.
    func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) throws

    /// A pipe to or from the process has ended.
    ///
    /// - Parameter descriptor: 0, 1 or 2.
    ///
    /// asyncio: `pipe_connection_lost`.
    func pipeConnectionLost(_ descriptor: Int32, _ error: (any Error)?) throws

    /// The process has ended; see ``SubprocessTransport/returnCode``.
    ///
    /// asyncio: `process_exited`.
    func processExited() throws
}

extension SubprocessProtocol {
    public func connectionMade(_ transport: SubprocessTransport) {}
    public func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) {}
    public func pipeConnectionLost(_ descriptor: Int32, _ error: (any Error)?) {}
    public func processExited() {}
}
