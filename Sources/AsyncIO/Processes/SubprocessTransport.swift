internal import AsyncIOSystem
internal import SystemPackage

/// A transport that reports the events of a child process to a ``SubprocessProtocol``.
///
/// The loop retains the transport until the process and its pipes have ended.
///
/// asyncio: `asyncio.SubprocessTransport`.
public final class SubprocessTransport: TransportCore {
    // Loop thread only: the class is not Sendable.
    let loop: EventLoop
    private let child: ChildProcess
    /// The protocol that the transport calls. You can replace the protocol at any time.
    ///
    /// asyncio: `get_protocol`, `set_protocol`.
    public var `protocol`: any SubprocessProtocol
    private var pipes: [Int32: Transport] = [:]
    private var openPipes: Set<Int32> = []
    private var hasToldExit = false
    private var hasToldEnd = false
    /// Whether ``close()`` has been called, or the process and its pipes have ended.
    ///
    /// asyncio: `is_closing`.
    public private(set) var isClosing = false

    init(
        _ command: ChildSetup.Command, name: String, on loop: EventLoop, _ receiver: any SubprocessProtocol
    ) throws {
        self.loop = loop
        self.protocol = receiver
        var setup = try ChildSetup(command)
        var channels: [Int32: Connection] = [:]
        for (target, descriptor) in setup.pipes {
            let channel = try Connection(pipe: descriptor, target == 0 ? .writing : .reading, on: loop)
            channel.closesQuietly = true
            channels[target] = channel
        }
        child = try setup.start(name: name, on: loop)
        for (target, channel) in channels {
            pipes[target] = Transport(channel, SubprocessPipe(target, of: self))
            openPipes.insert(target)
        }
        child.onExit = { [self] in exited() }
    }

    /// Calls `connectionMade`, then starts the pipes, and then completes `waiter`.
    func start(completing waiter: Waiter?) {
        loop.enqueue { [self] in try notifyConnectionMade() }
        startReading()
        if let waiter { loop.enqueue(completing: waiter) }
    }

    func notifyConnectionMade() throws { try self.protocol.connectionMade(self) }

    func startReading() {
        for target in pipes.keys.sorted() { pipes[target]?.start(completing: nil) }
    }

    // MARK: Facts

    /// The process ID.
    ///
    /// asyncio: `get_pid`.
    public var pid: Int32 { child.pid }

    /// The exit status, or the negated number of the signal that ended the process. The value is `nil` while the
    /// process is running.
    ///
    /// asyncio: `get_returncode`.
    public var returnCode: Int32? { child.returnCode }

    /// Returns the transport of a pipe to or from the process, or `nil` if the stream is not a pipe.
    ///
    /// - Parameter descriptor: The descriptor of the pipe in the process: 0, 1, or 2.
    ///
    /// asyncio: `get_pipe_transport`.
    public func pipeTransport(_ descriptor: Int32) -> Transport? { pipes[descriptor] }

    // MARK: Ending the process

    /// Sends a signal to the process; see ``AsyncSubprocess/sendSignal(_:toGroup:)``.
    ///
    /// - Throws: The same errors as that method.
    ///
    /// asyncio: `send_signal`.
    public func sendSignal(_ signal: ProcessSignal, toGroup: Bool = false) throws {
        try child.send(signal, toGroup: toGroup)
    }

    /// Asks the process to end by sending SIGTERM.
    ///
    /// - Throws: The same errors as ``sendSignal(_:toGroup:)``.
    ///
    /// asyncio: `terminate`.
    public func terminate() throws { try sendSignal(.terminate) }

    /// Ends the process by sending SIGKILL.
    ///
    /// - Throws: The same errors as ``sendSignal(_:toGroup:)``.
    ///
    /// asyncio: `kill`.
    public func kill() throws { try sendSignal(.kill) }

    /// Closes the pipes, and kills the process if it is still running. Further calls have no effect.
    ///
    /// asyncio: `close`.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        for pipe in pipes.values { pipe.close() }
        if returnCode == nil { try? kill() }
    }

    /// Waits until the process has ended, regardless of the state of its pipes.
    ///
    /// - Returns: The ``returnCode``.
    /// - Throws: `CancellationError` if the task is cancelled. After a cancellation, the process keeps running.
    @discardableResult
    public func wait() async throws -> Int32 { try await child.wait() }

    // MARK: Calling the protocol

    private func exited() {
        loop.enqueue { [self] in
            hasToldExit = true
            defer { endIfAllHasEnded() }
            try self.protocol.processExited()
        }
    }

    fileprivate func pipeEnded(_ descriptor: Int32, _ error: (any Error)?) throws {
        openPipes.remove(descriptor)
        defer { endIfAllHasEnded() }
        try self.protocol.pipeConnectionLost(descriptor, error)
    }

    private func endIfAllHasEnded() {
        guard hasToldExit, openPipes.isEmpty, !hasToldEnd else { return }
        hasToldEnd = true
        isClosing = true
        loop.enqueue { [self] in try self.protocol.connectionLost(nil) }
    }
}

extension SubprocessTransport: CustomStringConvertible {
    /// The process ID, the program, and the return code as text.
    public var description: String {
        "SubprocessTransport of process \(pid) (\(child.name), \(returnCode.map { "return code \($0)" } ?? "running"))"
    }
}

/// The protocol of a pipe. It forwards the events of the pipe to the protocol of the process.
private final class SubprocessPipe: ConnectionProtocol {
    private let descriptor: Int32
    private var owner: SubprocessTransport?

    init(_ descriptor: Int32, of owner: SubprocessTransport) {
        self.descriptor = descriptor
        self.owner = owner
    }

    func dataReceived(_ bytes: [UInt8]) throws { try owner?.protocol.pipeDataReceived(descriptor, bytes) }
    func pauseWriting() throws { try owner?.protocol.pauseWriting() }
    func resumeWriting() throws { try owner?.protocol.resumeWriting() }

    func connectionLost(_ error: (any Error)?) throws {
        defer { owner = nil }
        try owner?.pipeEnded(descriptor, error)
    }
}

extension EventLoop {
    /// Starts a program as a child process and reports its events to a protocol.
    ///
    /// The parameters are those of
    /// ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``, except that all streams are pipes by default.
    ///
    /// - Parameter factory: A closure that creates the protocol.
    /// - Returns: The transport and its protocol, after `connectionMade` has been called.
    /// - Throws: The same errors as ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``; the errors of
    ///   `factory`; ``ValueError`` if the options request a terminal; ``RuntimeError`` if the loop is closed;
    ///   `CancellationError` if the task is cancelled before `connectionMade` is called. After such a cancellation,
    ///   this method kills and reaps the child before it throws.
    ///
    /// asyncio: `loop.subprocess_exec`.
    public func subprocessExec<P: SubprocessProtocol>(
        _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
        stdin: SubprocessStream = .pipe, stdout: SubprocessStream = .pipe, stderr: SubprocessStream = .pipe,
        options: SubprocessOptions = SubprocessOptions(), _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        let command = ChildSetup.Command(program, arguments, [stdin, stdout, stderr], options)
        return try await startSubprocess(command, name: program.systemString.description, factory)
    }

    /// Runs a command line with the shell `/bin/sh` as a child process and reports its events to a
    /// protocol; see
    /// ``subprocessExec(_:arguments:stdin:stdout:stderr:options:_:)``.
    ///
    /// - Throws: The same errors as that method, including `CancellationError`.
    ///
    /// asyncio: `loop.subprocess_shell`.
    public func subprocessShell<P: SubprocessProtocol>(
        _ line: some SystemStringConvertible, stdin: SubprocessStream = .pipe, stdout: SubprocessStream = .pipe,
        stderr: SubprocessStream = .pipe, options: SubprocessOptions = SubprocessOptions(), _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        let command = ChildSetup.Command("/bin/sh", ["-c", line], [stdin, stdout, stderr], options)
        return try await startSubprocess(command, name: line.systemString.description, factory)
    }

    private func startSubprocess<P: SubprocessProtocol>(
        _ command: ChildSetup.Command, name: String, _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        try checkOpen("subprocessExec")
        guard command.options.terminal == nil else {
            throw ValueError("a child with a terminal cannot report to a protocol; use createSubprocess()")
        }
        let receiver = try factory()
        let transport = try SubprocessTransport(command, name: name, on: self, receiver)
        do {
            try await transport.startAndWait()
        } catch {
            _ = try? await transport.wait()
            throw error
        }
        return (transport, receiver)
    }
}
