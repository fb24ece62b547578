/// Runs `body` with a child process, which does not outlive it.
///
/// ```swift
/// try await withSubprocess("ffmpeg", arguments: arguments, stderr: .pipe) { process in
///     for try await line in process.stderr!.lines { report(line) }
///     try await process.wait()
/// }
/// ```
///
/// When the body ends, in whatever way, a child that still runs is asked to end (SIGTERM),
/// killed when `grace` has passed, and waited for; then its pipes are closed. A cancellation
/// of the task does not cut this short. If the child leads a process group (see
/// ``SubprocessOptions``), all of that ends with it.
///
/// - Parameter grace: how long the child has to end when it is asked to.
/// - Returns: what `body` returns.
/// - Throws: as
///   ``createSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:)``; what
///   `body` throws; `CancellationError`.
@discardableResult
public func withSubprocess<T>(
    _ program: some SystemStringConvertible, arguments: [any SystemStringConvertible] = [],
    stdin: SubprocessStream = .inherit,
    stdout: SubprocessStream = .inherit, stderr: SubprocessStream = .inherit,
    environment: [String: any SystemStringConvertible]? = nil, directory: (any SystemStringConvertible)? = nil,
    options: SubprocessOptions = SubprocessOptions(),
    grace: Duration = .seconds(5), isolation: isolated (any Actor)? = #isolation,
    _ body: (Subprocess) async throws -> T
) async throws -> T {
    let process = try await createSubprocess(
        program, arguments: arguments, stdin: stdin, stdout: stdout, stderr: stderr, environment: environment,
        directory: directory, options: options)
    return try await scope(of: process, grace: grace, isolation: isolation, body)
}

/// Runs `body` with a command line of the shell, which does not outlive it.
///
/// The shell leads a process group of its own, unless the options say otherwise, so that the
/// programs of the command line end too.
///
/// Everything else is as in
/// ``withSubprocess(_:arguments:stdin:stdout:stderr:environment:directory:options:grace:isolation:_:)``.
@discardableResult
public func withSubprocess<T>(
    shell line: some SystemStringConvertible, stdin: SubprocessStream = .inherit, stdout: SubprocessStream = .inherit,
    stderr: SubprocessStream = .inherit, environment: [String: any SystemStringConvertible]? = nil,
    directory: (any SystemStringConvertible)? = nil,
    options: SubprocessOptions? = nil, grace: Duration = .seconds(5),
    isolation: isolated (any Actor)? = #isolation, _ body: (Subprocess) async throws -> T
) async throws -> T {
    var ownGroup = SubprocessOptions()
    ownGroup.processGroup = .new
    let process = try await createSubprocess(
        shell: line, stdin: stdin, stdout: stdout, stderr: stderr, environment: environment, directory: directory,
        options: options ?? ownGroup)
    return try await scope(of: process, grace: grace, isolation: isolation, body)
}

private func scope<T>(
    of process: Subprocess, grace: Duration, isolation: isolated (any Actor)?, _ body: (Subprocess) async throws -> T
) async throws -> T {
    let result: Result<T, any Error>
    do { result = .success(try await body(process)) } catch { result = .failure(error) }
    // What the body ended with counts more than a cancellation while its child ends.
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
