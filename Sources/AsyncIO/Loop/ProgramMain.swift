/// Runs a program: `body` on a new event loop, from its first line to its exit status.
///
/// ```swift
/// import AsyncIO
///
/// AsyncIO.main {
///     print("Hello ...")
///     try await sleep(.seconds(1))
///     print("... World!")
/// }
/// ```
///
/// This is ``run(debug:backend:_:)`` for `main.swift` and for the `main` of a type with
/// `@main`, where nobody is left to catch an error. If `body` returns, so does this. Otherwise
/// the program ends here, after everything is cleaned up:
///
/// - By an error: one line on standard error, `error: ` with the type and the text of the
///   error, and exit status 1.
/// - By Ctrl-C: the process dies by SIGINT, so that a shell knows (status 130). If `body`
///   catches the cancellation and returns, the program goes on.
/// - By a ``SystemExit``: with its status and its message.
///
/// A task that was left over and failed is reported to the exception handler, and changes
/// nothing about the exit status. Called from inside a running loop, it ends the program with
/// a line that says so.
///
/// In the `async` main of a program that links AsyncIOMain, whose loop runs already, it is written
/// with an `await`:
///
/// ```swift
/// @main struct Program {
///     static func main() async {
///         await AsyncIO.main { try await serve() }
///     }
/// }
/// ```
///
/// Such a program may do without: an error that leaves an `async` main, and Ctrl-C, end it in the
/// same way. But when its `main` returns, the process ends at once; this cancels and awaits what is
/// left, closes generators and waits for the thread pool first. The loop is there before this is
/// called: the environment variable `ASYNCIO_BACKEND` chooses what it waits with, and another
/// `backend` here ends the program with a line that says so.
///
/// - Parameters:
///   - debug: whether the loop looks for mistakes; nil for the default.
///   - backend: what the loop waits with.
/// - Returns: what `body` returns.
///
/// asyncio: `asyncio.run(main())` as the last line of a program.
@discardableResult
public func main<T>(
    debug: Bool? = nil, backend: Backend = .automatic, _ body: @escaping @MainActor () async throws -> T
) -> T {
    if EventLoop.here != nil {
        ProgramEnd.end(
            with: RuntimeError(
                "AsyncIO.main { } cannot be called from a running event loop; await the function instead"))
    }
    do { return try run(debug: debug, backend: backend, body) } catch { ProgramEnd.end(with: error) }
}

/// The same for the `async` main of a program that links AsyncIOMain.
@_documentation(visibility: internal)
@discardableResult
public nonisolated(nonsending) func main<T>(
    debug: Bool? = nil, backend: Backend = .automatic, _ body: @escaping @MainActor () async throws -> T
) async -> T {
    guard let loop = EventLoop.here, let main = loop.asyncMain else {
        return runMain(debug: debug, backend: backend, body)
    }
    do {
        guard backend == .automatic || backend == loop.backend else {
            throw ValueError(
                """
                the loop of an async main is made before AsyncIO.main { } is called, and waits with \
                \(loop.backend); set ASYNCIO_BACKEND=\(backend) to change that
                """)
        }
        if let debug { loop.debug = debug }
        let task = loop.makeMainTask(body)
        main.body = task
        defer { main.body = nil }
        let value = try await task.value
        loop.finishInsideOfATurn()
        return value
    } catch {
        ProgramEnd.end(with: error, on: loop)
    }
}

/// Tells the compiler which of the two is meant.
private func runMain<T>(
    debug: Bool?, backend: Backend, _ body: @escaping @MainActor () async throws -> T
) -> T {
    main(debug: debug, backend: backend, body)
}
