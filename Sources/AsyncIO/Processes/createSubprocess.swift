/// Starts `program` as a child process.
///
/// ```swift
/// let process = try await createSubprocess("sort", arguments: ["-n"], stdin: .pipe, stdout: .pipe)
/// let (sorted, _) = try await process.communicate("10\n9\n")
/// ```
///
/// The loop's thread waits until the child executes its program, which takes a few hundred microseconds. Therefore,
/// this function can throw an error if the program cannot be started. The child receives only the standard descriptors
/// and the descriptors in `options`. Signals that this process handles, and SIGPIPE, have their default action in the
/// child, and no signals are blocked.
///
/// - Parameters:
///   - program: A path, or a name to look up in the child's `PATH`.
///   - arguments: The arguments after the program's name. Each argument is a `String`, a `FilePath`, or a
///     ``SystemString``, which can contain any bytes.
///   - stdin: The source of the child's standard input.
///   - stdout: The destination of the child's standard output.
///   - stderr: The destination of the child's standard error.
///   - options: The environment, the working directory, and other settings that most subprocesses do not need.
/// - Throws: ``OSError`` with the name of the program if the program cannot be started, for example because the program
///   or its directory does not exist, the file is not a program, or no descriptor is left; ``ValueError`` for invalid
///   arguments; `CancellationError` if the task was already cancelled. When this function throws, no process is
///   running, and no descriptor is left open. Cancelling the task after that does not interrupt the start.
///
/// asyncio: `asyncio.create_subprocess_exec`.
public func createSubprocess(
    _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
    stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit, stderr: SubprocessStream = .inherit,
    options: SubprocessOptions = SubprocessOptions()
) async throws -> AsyncSubprocess {
    let command = ChildSetup.Command(program, arguments, [stdin, stdout, stderr], options)
    return try startSubprocess(command, name: program.systemString.description)
}

/// Runs a command line with the shell `/bin/sh` as a child process.
///
/// Never build a command line from untrusted input, because the shell would interpret the input. Pass the input through
/// the environment, or start the program directly and pass the input as an argument.
///
/// The other parameters are those of
/// ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``.
///
/// - Throws: The same errors as that function, including `CancellationError`.
///
/// asyncio: `asyncio.create_subprocess_shell`.
public func createSubprocess(
    shell line: some SystemStringConvertible, stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit,
    stderr: SubprocessStream = .inherit, options: SubprocessOptions = SubprocessOptions()
) async throws -> AsyncSubprocess {
    let command = ChildSetup.Command("/bin/sh", ["-c", line], [stdin, stdout, stderr], options)
    return try startSubprocess(command, name: line.systemString.description)
}

/// Starts a child process. If a cancellation was requested earlier, this function throws a `CancellationError` and
/// starts no process. No cancellation can be requested during the start.
private func startSubprocess(_ command: ChildSetup.Command, name: String) throws -> AsyncSubprocess {
    let loop = EventLoop.required(for: "createSubprocess")
    try loop.checkReal("a child process")
    if let task = runningTask() {
        try task.deliverCancellation(unlessIn: nil)
    } else if Task.isCancelled {
        throw CancellationError()
    }
    return try AsyncSubprocess(command, name: name, on: loop)
}
