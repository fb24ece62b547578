internal import AsyncIOSystem
internal import SystemPackage

/// A child process.
///
/// When the process ends, the loop detects this and reaps the process, so no zombie remains. If the last reference to
/// an `AsyncSubprocess` is released, the process keeps running. If the process is still running when the loop is
/// closed, the loop kills the process. To end the process at the end of a scope, use
/// ``withSubprocess(_:arguments:stdin:stdout:stderr:options:grace:isolation:_:)``.
///
/// asyncio: `asyncio.subprocess.Process`.
public final class AsyncSubprocess {
    // Loop thread only: the class is not Sendable.
    private let child: ChildProcess
    /// A writer to the child's standard input, or `nil` if standard input is not a pipe.
    ///
    /// asyncio: `Process.stdin`.
    public let stdin: StreamWriter?
    /// A reader of the child's standard output, or `nil` if standard output is not a pipe.
    ///
    /// asyncio: `Process.stdout`.
    public let stdout: StreamReader?
    /// A reader of the child's standard error, or `nil` if standard error is not a pipe.
    ///
    /// asyncio: `Process.stderr`.
    public let stderr: StreamReader?
    /// The child's own terminal, or `nil` if the child does not have its own terminal; see
    /// ``SubprocessOptions/terminal``.
    public let terminal: PseudoTerminal?

    /// - Throws: The same errors as ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``. When this
    ///   initializer throws, no process is running, and no descriptor is left open.
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

    /// The process ID.
    ///
    /// asyncio: `Process.pid`.
    public var pid: Int32 { child.pid }

    /// The exit status, or the negated number of the signal that ended the process. The value is `nil` while the
    /// process is running.
    ///
    /// asyncio: `Process.returncode`.
    public var returnCode: Int32? { child.returnCode }

    /// The environment variables of this process, which a child inherits by default.
    ///
    /// Bytes that are not valid UTF-8 are replaced with U+FFFD; see ``inheritedSystemEnvironment``.
    ///
    /// - Complexity: O(*n*), where *n* is the size of the environment.
    ///
    /// Python: `os.environ`.
    public static var inheritedEnvironment: [String: String] { inheritedSystemEnvironment.mapValues(\.description) }

    /// The environment variables of this process, with the exact bytes of their values.
    ///
    /// - Complexity: O(*n*), where *n* is the size of the environment.
    ///
    /// Python: `os.environb`.
    public static var inheritedSystemEnvironment: [String: SystemString] {
        Dictionary(
            [SystemString: SystemString].inherited.map { ($0.description, $1) }, uniquingKeysWith: { first, _ in first }
        )
    }

    // MARK: Waiting

    /// Waits until the process has ended.
    ///
    /// This method does not wait until the process's pipes are closed, because children of the process may keep the
    /// pipes open. (In asyncio, a wait that began before the process ended also waits for the pipes.) Several tasks can
    /// wait at the same time.
    ///
    /// A child whose output pipe is full cannot end until the output is read. Use
    /// ``communicate(_:isolation:fileID:line:)-([UInt8]?,_,_,_)``, or read the output.
    ///
    /// - Returns: The ``returnCode``.
    /// - Throws: `CancellationError` if the task is cancelled. After a cancellation, the process keeps running.
    ///
    /// asyncio: `Process.wait`.
    @discardableResult
    public func wait() async throws -> Int32 { try await child.wait() }

    /// Writes `input` to the process, closes its standard input, reads its output to the end, and waits until the
    /// process has ended.
    ///
    /// These steps run concurrently, so neither side blocks the other. It is not an error if the process does not read
    /// its input. The whole output is collected in memory. For large output, read ``stdout`` in pieces instead.
    ///
    /// - Returns: The bytes from standard output and standard error, or `nil` for a stream that is not a pipe.
    /// - Throws: ``ValueError`` if `input` is given but `stdin` is not a pipe; ``OSError`` if a pipe fails;
    ///   `CancellationError` if the task is cancelled. After a cancellation, the process keeps running.
    /// - Complexity: O(*n*), where *n* is the size of the input and the output.
    ///
    /// asyncio: `Process.communicate`.
    public func communicate(
        _ input: [UInt8]? = nil, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (stdout: [UInt8]?, stderr: [UInt8]?) {
        if input != nil, stdin == nil {
            throw ValueError("communicate() got input, but stdin is not a pipe; start the process with stdin: .pipe")
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

    /// Writes `input` as UTF-8; see ``communicate(_:isolation:fileID:line:)-([UInt8]?,_,_,_)``.
    ///
    /// - Throws: The same errors as that method, including `CancellationError`.
    ///
    /// asyncio: `Process.communicate`.
    public func communicate(
        _ input: String, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> (stdout: [UInt8]?, stderr: [UInt8]?) {
        try await communicate(Array(input.utf8), isolation: isolation, fileID: fileID, line: line)
    }

    private func feed(_ input: [UInt8]) async throws {
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

    /// Sends a signal to the process.
    ///
    /// If the process has ended but the loop has not detected this yet, the signal has no effect.
    ///
    /// - Parameters:
    ///   - signal: The signal.
    ///   - toGroup: Whether to send the signal to the whole process group that the process leads. The group includes
    ///     the children of the process.
    /// - Throws: ``ProcessLookupError`` if ``returnCode`` is not `nil`; ``RuntimeError`` if `toGroup` is `true` and the
    ///   process does not lead a group (see ``SubprocessOptions/processGroup-swift.property``); ``ValueError`` if the
    ///   signal does not exist; ``OSError`` if this process has no permission to send the signal.
    ///
    /// asyncio: `Process.send_signal`.
    public func sendSignal(_ signal: ProcessSignal, toGroup: Bool = false) throws {
        try child.send(signal, toGroup: toGroup)
    }

    /// Asks the process to end by sending SIGTERM.
    ///
    /// - Throws: The same errors as ``sendSignal(_:toGroup:)``.
    ///
    /// asyncio: `Process.terminate`.
    public func terminate() throws { try sendSignal(.terminate) }

    /// Ends the process by sending SIGKILL.
    ///
    /// - Throws: The same errors as ``sendSignal(_:toGroup:)``.
    ///
    /// asyncio: `Process.kill`.
    public func kill() throws { try sendSignal(.kill) }

    // MARK: The end of a scope

    /// Ends the process if it is running. This method sends SIGTERM to the process, kills the process if it has not
    /// ended after `grace`, waits until the process has ended, and closes its pipes. If the process leads a group, the
    /// method ends the whole group.
    func end(grace: Duration) async throws {
        child.killsGroupAtExit = child.hasGroup
        if returnCode == nil {
            try sendSignal(.terminate, toGroup: child.hasGroup)
            // A stopped process would not handle the signal.
            try sendSignal(.continue, toGroup: child.hasGroup)
            if try await !child.wait(atMost: grace) {
                try? sendSignal(.kill, toGroup: child.hasGroup)
                try await wait()
            }
        }
        closePipes()
        // The pipes are closed in a turn of their own.
        try await sleep(.zero)
    }

    private func closePipes() {
        stdin?.abort()
        stdout?.abort()
        stderr?.abort()
        terminal?.close()
    }
}

extension AsyncSubprocess: CustomStringConvertible {
    /// The process ID, the program, and the return code as text.
    public var description: String {
        "process \(pid) (\(child.name), \(returnCode.map { "return code \($0)" } ?? "running"))"
    }
}
