internal import AsyncIOSystem
internal import SystemPackage

/// A child process as a ``SubprocessProtocol`` sees it.
///
/// The loop keeps it alive until the process and its pipes have ended.
///
/// asyncio: `asyncio.SubprocessTransport`.
public final class SubprocessTransport {
    // Loop thread only: the class is not Sendable.
    private let loop: EventLoop
    private let child: ChildProcess
    /// Who is called; may be replaced at any time.
    ///
    /// asyncio: `get_protocol`, `set_protocol`.
    public var `protocol`: any SubprocessProtocol
    private var pipes: [Int32: Transport] = [:]
    private var openPipes: Set<Int32> = []
    private var hasToldExit = false
    private var hasToldEnd = false
    /// Whether ``close()`` was called, or everything has ended.
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

    /// Tells the protocol, then lets the pipes begin, then completes `waiter`.
    func start(releasing waiter: Waiter) {
        tell { [self] in try self.protocol.connectionMade(self) }
        for target in pipes.keys.sorted() { pipes[target]?.start() }
        loop.ready.append(.handle(Handle(.complete(waiter))))
    }

    // MARK: Facts

    /// The process's number.
    ///
    /// asyncio: `get_pid`.
    public var pid: Int32 { child.pid }

    /// The exit status, or minus the signal that ended it; nil while it runs.
    ///
    /// asyncio: `get_returncode`.
    public var returnCode: Int32? { child.returnCode }

    /// The transport of a pipe to or from the process; nil for a stream that is none.
    ///
    /// - Parameter descriptor: 0, 1 or 2.
    ///
    /// asyncio: `get_pipe_transport`.
    public func pipeTransport(_ descriptor: Int32) -> Transport? { pipes[descriptor] }

    // MARK: Ending it

    /// Sends the process a signal; see ``Subprocess/sendSignal(_:toGroup:)``.
    ///
    /// asyncio: `send_signal`.
    public func sendSignal(_ signal: Signal, toGroup: Bool = false) throws {
        try child.send(signal, toGroup: toGroup)
    }

    /// Asks the process to end: SIGTERM.
    ///
    /// asyncio: `terminate`.
    public func terminate() throws { try sendSignal(.terminate) }

    /// Ends the process: SIGKILL.
    ///
    /// asyncio: `kill`.
    public func kill() throws { try sendSignal(.kill) }

    /// Closes the pipes, and kills the process if it still runs. Calling it again does nothing.
    ///
    /// asyncio: `close`.
    public func close() {
        guard !isClosing else { return }
        isClosing = true
        for pipe in pipes.values { pipe.close() }
        if returnCode == nil { try? kill() }
    }

    /// Waits until the process has ended, whatever becomes of its pipes.
    ///
    /// - Returns: ``returnCode``.
    /// - Throws: `CancellationError`: the process goes on.
    @discardableResult
    public nonisolated(nonsending) func wait() async throws -> Int32 { try await child.wait() }

    // MARK: Telling the protocol

    private func tell(_ body: @escaping () throws -> Void) {
        loop.ready.append(.handle(Handle(.callback(body))))
    }

    private func exited() {
        tell { [self] in
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
        tell { [self] in try self.protocol.connectionLost(nil) }
    }
}

extension SubprocessTransport: CustomStringConvertible {
    public var description: String {
        "SubprocessTransport of process \(pid) (\(child.name), \(returnCode.map { "return code \($0)" } ?? "running"))"
    }
}

/// One of a process's pipes, which hands on what it hears.
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
    /// Starts a program as a child of this process, for a protocol.
    ///
    /// - Parameters: as those of
    ///   ``createSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:)``;
    ///   but all streams are pipes if nothing else is said.
    /// - Returns: the transport and its protocol, which was told already.
    /// - Throws: as that function. If the task is cancelled while the protocol is told, the
    ///   child is killed and reaped first.
    ///
    /// asyncio: `loop.subprocess_exec`.
    public nonisolated(nonsending) func subprocessExec<P: SubprocessProtocol>(
        _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
        stdin: SubprocessStream = .pipe,
        stdout: SubprocessStream = .pipe, stderr: SubprocessStream = .pipe,
        environment: [String: any SystemStringConvertible]? = nil,
        directory: (any SystemStringConvertible)? = nil, options: SubprocessOptions = SubprocessOptions(),
        _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        let command = ChildSetup.Command(
            program, arguments, [stdin, stdout, stderr], environment: environment, directory: directory, options)
        return try await startSubprocess(command, name: program.systemString.description, factory)
    }

    /// Starts a command line of the shell, `/bin/sh`, for a protocol; see
    /// ``subprocessExec(_:arguments:stdin:stdout:stderr:environment:directory:options:_:)``.
    ///
    /// asyncio: `loop.subprocess_shell`.
    public nonisolated(nonsending) func subprocessShell<P: SubprocessProtocol>(
        _ line: some SystemStringConvertible, stdin: SubprocessStream = .pipe, stdout: SubprocessStream = .pipe,
        stderr: SubprocessStream = .pipe, environment: [String: any SystemStringConvertible]? = nil,
        directory: (any SystemStringConvertible)? = nil,
        options: SubprocessOptions = SubprocessOptions(), _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        let command = ChildSetup.Command(
            "/bin/sh", ["-c", line], [stdin, stdout, stderr], environment: environment, directory: directory, options)
        return try await startSubprocess(command, name: line.systemString.description, factory)
    }

    private nonisolated(nonsending) func startSubprocess<P: SubprocessProtocol>(
        _ command: ChildSetup.Command, name: String, _ factory: () throws -> P
    ) async throws -> (SubprocessTransport, P) {
        try checkOpen("subprocessExec")
        guard command.options.terminal == nil else {
            throw ValueError("a child with a terminal has no pipes for a protocol; use createSubprocess()")
        }
        let receiver = try factory()
        let transport = try SubprocessTransport(command, name: name, on: self, receiver)
        let waiter = Waiter(for: "a process's protocol to be told")
        transport.start(releasing: waiter)
        do {
            try await waiter.wait()
        } catch {
            transport.close()
            _ = try? await transport.wait()
            throw error
        }
        return (transport, receiver)
    }
}
