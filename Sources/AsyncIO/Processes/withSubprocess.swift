/// Runs `body` with a child process, and ends the process when `body` ends.
///
/// ```swift
/// try await withSubprocess("ffmpeg", arguments: arguments, stderr: .pipe) { process in
///     for try await line in process.stderr!.lines { report(line) }
///     try await process.wait()
/// }
/// ```
///
/// If the child is still running when the body returns or throws, the function sends SIGTERM to the child. If the child
/// has not ended after `grace`, the function kills it. The function waits until the child has ended, and then closes
/// the pipes. Cancelling the task does not shorten these steps. If the child leads a process group (see
/// ``SubprocessOptions``), the function ends the whole group.
///
/// The other parameters are those of
/// ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``.
///
/// - Parameter grace: The maximum time to wait for the child to end after SIGTERM.
/// - Returns: The value that `body` returns.
/// - Throws: The same errors as ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``; the errors of `body`;
///   `CancellationError` if the task is cancelled while this function waits for the child to end.
@discardableResult
public func withSubprocess<T>(
    _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
    stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit, stderr: SubprocessStream = .inherit,
    options: SubprocessOptions = SubprocessOptions(), grace: Duration = .seconds(5),
    isolation: isolated (any Actor)? = #isolation, _ body: (AsyncSubprocess) async throws -> T
) async throws -> T {
    let process = try await createSubprocess(
        program, arguments: arguments, stdin: stdin, stdout: stdout, stderr: stderr, options: options)
    return try await scope(of: process, grace: grace, isolation: isolation, body)
}

/// Runs `body` with a child process that executes a shell command line, and ends the child when `body` ends.
///
/// By default, the shell leads a new process group, so that this function can end all programs in the command line. To
/// use another group, set ``SubprocessOptions/processGroup-swift.property``.
///
/// In all other respects, including errors and cancellation, this function behaves like
/// ``withSubprocess(_:arguments:stdin:stdout:stderr:options:grace:isolation:_:)``.
///
/// - Throws: The same errors as that function.
@discardableResult
public func withSubprocess<T>(
    shell line: some SystemStringConvertible, stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit,
    stderr: SubprocessStream = .inherit, options: SubprocessOptions = SubprocessOptions(),
    grace: Duration = .seconds(5),
    isolation: isolated (any Actor)? = #isolation, _ body: (AsyncSubprocess) async throws -> T
) async throws -> T {
    var options = options
    if options.processGroup == nil { options.processGroup = .new }
    let process = try await createSubprocess(
        shell: line, stdin: stdin, stdout: stdout, stderr: stderr, options: options)
    return try await scope(of: process, grace: grace, isolation: isolation, body)
}

private func scope<T>(
    of process: AsyncSubprocess, grace: Duration, isolation: isolated (any Actor)?,
    _ body: (AsyncSubprocess) async throws -> T
) async throws -> T {
    let result: Result<T, any Error>
    do { result = .success(try await body(process)) } catch { result = .failure(error) }
    // The result of the body takes precedence over a cancellation while its child ends.
    do {
        try await withCleanup(timeout: nil, isolation: isolation) {
            _ = isolation
            try await process.end(grace: grace)
        }
    } catch {
        guard case .failure = result else { throw error }
    }
    return try result.get()
}
