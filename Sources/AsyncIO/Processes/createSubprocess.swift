/// Starts `program` as a child of this process.
///
/// ```swift
/// let process = try await createSubprocess("sort", arguments: ["-n"], stdin: .pipe, stdout: .pipe)
/// let (sorted, _) = try await process.communicate("10\n9\n")
/// ```
///
/// The loop's thread waits until the child has become its program, some hundred microseconds:
/// what cannot be started is an error of this call. The child gets no descriptors but the
/// standard ones and those of the options; signals that this process handles, and SIGPIPE,
/// do what they do by default, and none is blocked.
///
/// - Parameters:
///   - program: a path, or a name that is looked for in the child's `PATH`.
///   - arguments: those after the program's own name: `String`s, `FilePath`s, or ``SystemString``s,
///     which can be any bytes.
///   - stdin: where the child's standard input comes from.
///   - stdout: where its standard output goes.
///   - stderr: where its standard error goes.
///   - environment: all of the child's variables; nil for this process's. Merge into
///     ``Subprocess/inheritedEnvironment`` to add some.
///   - directory: where the child starts; nil for this process's directory.
///   - options: process group, session, terminal, further descriptors.
/// - Throws: ``OSError``, which names the program, if it cannot be started (it is not there,
///   it is no program, its directory is not there, no descriptor is left); ``ValueError`` for
///   arguments that make no sense; `CancellationError` if the task was cancelled before.
///   Nothing runs then, and nothing is left open.
///
/// asyncio: `asyncio.create_subprocess_exec`.
public nonisolated(nonsending) func createSubprocess(
    _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
    stdin: SubprocessStream = .inherit,
    stdout: SubprocessStream = .inherit, stderr: SubprocessStream = .inherit,
    environment: [String: any SystemStringConvertible]? = nil, directory: (any SystemStringConvertible)? = nil,
    options: SubprocessOptions = SubprocessOptions()
) async throws -> Subprocess {
    let command = ChildSetup.Command(
        program, arguments, [stdin, stdout, stderr], environment: environment, directory: directory, options)
    return try startSubprocess(command, name: program.systemString.description)
}

/// Starts a command line of the shell, `/bin/sh`, as a child of this process.
///
/// What is not known beforehand has no place in a command line: it would be the shell's to
/// read. Hand it over as a variable of the environment, or start the program itself.
///
/// Everything else is as in
/// ``createSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:)``.
///
/// asyncio: `asyncio.create_subprocess_shell`.
public nonisolated(nonsending) func createSubprocess(
    shell line: some SystemStringConvertible, stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit,
    stderr: SubprocessStream = .inherit, environment: [String: any SystemStringConvertible]? = nil,
    directory: (any SystemStringConvertible)? = nil,
    options: SubprocessOptions = SubprocessOptions()
) async throws -> Subprocess {
    let command = ChildSetup.Command(
        "/bin/sh", ["-c", line], [stdin, stdout, stderr], environment: environment, directory: directory, options)
    return try startSubprocess(command, name: line.systemString.description)
}

/// A request to cancel that came before is delivered here, so that nothing is started; none
/// can come meanwhile.
private func startSubprocess(_ command: ChildSetup.Command, name: String) throws -> Subprocess {
    let loop = EventLoop.required(for: "createSubprocess")
    if let task = runningTask() {
        try task.deliverCancellation(unlessIn: nil)
    } else if Task.isCancelled {
        throw CancellationError()
    }
    return try Subprocess(command, name: name, on: loop)
}
