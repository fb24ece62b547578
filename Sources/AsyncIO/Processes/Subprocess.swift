internal import AsyncIOSystem
internal import SystemPackage

/// A program that runs as a child of this one.
///
/// The loop takes note of its end by itself, so that no zombie stays behind whoever waits;
/// a process that nobody holds any more goes on. One that still runs when the loop is closed
/// is killed. ``withSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:grace:isolation:_:)``
/// ends it with its scope.
///
/// asyncio: `asyncio.subprocess.Process`.
public final class Subprocess {
    // Loop thread only: the class is not Sendable.
    private let child: ChildProcess
    /// To the child's standard input, if that is a pipe.
    public let stdin: StreamWriter?
    /// From the child's standard output, if that is a pipe.
    public let stdout: StreamReader?
    /// From the child's standard error, if that is a pipe.
    public let stderr: StreamReader?
    /// The child's terminal, if it has one of its own.
    public let terminal: PseudoTerminal?

    /// - Throws: as ``createSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:)``;
    ///   nothing runs then, and nothing is left open.
    init(_ command: ChildSetup.Command, name: String, on loop: EventLoop) throws {
        var setup = try ChildSetup(command)
        let limit = command.options.limit
        stdin = try setup.pipes[0].map { StreamWriter(channel: try Self.channel($0, .writing, loop)) }
        stdout = try setup.pipes[1].map {
            try StreamReader(limit: limit, channel: try Self.channel($0, .reading, loop))
        }
        stderr = try setup.pipes[2].map {
            try StreamReader(limit: limit, channel: try Self.channel($0, .reading, loop))
        }
        terminal = try setup.terminal.map {
            try PseudoTerminal($0, channel: try Self.channel($0, .both, loop), limit: limit)
        }
        child = try setup.start(name: name, on: loop)
    }

    private static func channel(
        _ descriptor: ByteDescriptor, _ direction: Connection.Direction, _ loop: EventLoop
    ) throws -> Connection {
        let connection = try Connection(pipe: descriptor, direction, on: loop)
        connection.closesQuietly = true
        return connection
    }

    // MARK: Facts

    /// The process's number.
    public var pid: Int32 { child.pid }

    /// The exit status, or minus the signal that ended it; nil while it runs.
    ///
    /// asyncio: `Process.returncode`.
    public var returnCode: Int32? { child.returnCode }

    /// The variables of this process, as a child gets them if it is not given others. In values,
    /// bytes that are not UTF-8 are replaced by U+FFFD; see ``inheritedSystemEnvironment``.
    ///
    /// Python: `os.environ`.
    public static var inheritedEnvironment: [String: String] { inheritedSystemEnvironment.mapValues(\.description) }

    /// The same with every byte of the values as it is.
    ///
    /// Python: `os.environb`.
    public static var inheritedSystemEnvironment: [String: SystemString] {
        Dictionary(
            [SystemString: SystemString].inherited.map { ($0.description, $1) }, uniquingKeysWith: { first, _ in first }
        )
    }

    // MARK: Waiting

    /// Waits until the process has ended, and for nothing else: not for its pipes, which its
    /// own children may hold open. Several tasks may wait. (In asyncio, a wait that began
    /// before the end waits for the pipes too.)
    ///
    /// A child whose pipe is full waits for somebody to read it, and does not end: use
    /// ``communicate(_:isolation:fileID:line:)-([UInt8]?,_,_,_)``, or read.
    ///
    /// - Returns: ``returnCode``.
    /// - Throws: `CancellationError`: the process goes on.
    ///
    /// asyncio: `Process.wait`.
    @discardableResult
    public nonisolated(nonsending) func wait() async throws -> Int32 { try await child.wait() }

    /// Writes `input` to the process, closes its standard input, reads its output to the end,
    /// and waits until it has ended: all at once, so that neither side waits for the other.
    /// A process that does not read its input is no error.
    ///
    /// What it says is kept in memory: for much of it, read ``stdout`` piecemeal.
    ///
    /// - Returns: what came from its standard output and error; nil for one that is no pipe.
    /// - Throws: ``ValueError`` for input to a process whose `stdin` is no pipe;
    ///   `CancellationError`: the process goes on.
    ///
    /// asyncio: `Process.communicate`.
    public func communicate(
        _ input: [UInt8]? = nil, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (stdout: [UInt8]?, stderr: [UInt8]?) {
        if input != nil, stdin == nil {
            throw ValueError("communicate() has input, but the process's stdin is no pipe; start it with stdin: .pipe")
        }
        let (_, output, errors) = try await gather(
            isolation: isolation, fileID: fileID, line: line,
            { [self] in
                _ = isolation
                try await feed(input ?? [])
            },
            { [stdout] in
                _ = isolation
                return try await stdout?.read()
            },
            { [stderr] in
                _ = isolation
                return try await stderr?.read()
            })
        try await wait()
        closePipes()
        return (output, errors)
    }

    /// The same for text, as UTF-8.
    public func communicate(
        _ input: String, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (stdout: [UInt8]?, stderr: [UInt8]?) {
        try await communicate(Array(input.utf8), isolation: isolation, fileID: fileID, line: line)
    }

    private nonisolated(nonsending) func feed(_ input: [UInt8]) async throws {
        guard let stdin else { return }
        do {
            if !input.isEmpty { try await stdin.write(input) }
            stdin.close()
            try await stdin.waitClosed()
        } catch let error as OSError {
            guard error.code == .brokenPipe || error.code == .connectionReset else { throw error }
        }
    }

    // MARK: Signals

    /// Sends the process a signal. One that has ended, unknown to the loop as yet, takes it in
    /// silence.
    ///
    /// - Parameter toGroup: whether all of the process group that it leads gets it: its
    ///   children, too.
    /// - Throws: ``ProcessLookupError`` if ``returnCode`` is there; ``RuntimeError`` if it leads
    ///   no group (see ``SubprocessOptions/processGroup-swift.property``); ``ValueError`` if there
    ///   is no such signal; ``OSError`` if it may not be sent.
    ///
    /// asyncio: `Process.send_signal`.
    public func sendSignal(_ signal: Signal, toGroup: Bool = false) throws {
        try child.send(signal, toGroup: toGroup)
    }

    /// Asks the process to end: SIGTERM.
    ///
    /// asyncio: `Process.terminate`.
    public func terminate() throws { try sendSignal(.terminate) }

    /// Ends the process: SIGKILL.
    ///
    /// asyncio: `Process.kill`.
    public func kill() throws { try sendSignal(.kill) }

    // MARK: A scope's end

    /// Ends the process, if it runs: asks it to, kills it if it has not ended when `grace` has
    /// passed, and waits until it has. Then closes its pipes. A group that it leads ends with it.
    nonisolated(nonsending) func end(grace: Duration) async throws {
        child.killsGroupAtExit = child.hasGroup
        if returnCode == nil {
            try sendSignal(.terminate, toGroup: child.hasGroup)
            // One that is stopped could not hear it.
            try sendSignal(.continue, toGroup: child.hasGroup)
            if try await !child.wait(atMost: grace) {
                try? sendSignal(.kill, toGroup: child.hasGroup)
                try await wait()
            }
        }
        closePipes()
        // They end in a turn of their own.
        try await sleep(.zero)
    }

    private func closePipes() {
        stdin?.abort()
        stdout?.abort()
        stderr?.abort()
        terminal?.close()
    }
}

extension Subprocess: CustomStringConvertible {
    public var description: String {
        "process \(pid) (\(child.name), \(returnCode.map { "return code \($0)" } ?? "running"))"
    }
}
