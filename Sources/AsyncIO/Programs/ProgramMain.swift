/// Runs `body` on a new event loop as a complete program, handles its errors, and sets the exit status.
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
/// This function is the equivalent of ``run(debug:backend:_:)`` for `main.swift` and for the `main` of a type with
/// `@main`, where no caller can catch an error. If `body` returns, this function returns. Otherwise, this function
/// cleans up and ends the program:
///
/// - After an error, the program prints one line to standard error, which consists of `error: `, the type of the error,
///   and its text. The program exits with status 1.
/// - After Ctrl-C, the process terminates itself with SIGINT, so that a shell can detect the interrupt (status 130). If
///   `body` catches the cancellation and returns, the program continues.
/// - After a ``SystemExit``, the program prints the message of the error, if any, and exits with the status of the
///   error.
///
/// Errors in leftover tasks are reported to the exception handler and do not affect the exit status. If this function
/// is called inside a running loop, it ends the program with a message that explains the mistake.
///
/// In the `async` main of a program that links AsyncIOMain, the loop is already running. In this case, call the
/// function with `await`:
///
/// ```swift
/// @main struct Program {
///     static func main() async {
///         await AsyncIO.main { try await serve() }
///     }
/// }
/// ```
///
/// Such a program does not need this function. When its `async` main throws an error, or when the user presses Ctrl-C,
/// the program ends in the same way. However, when such a `main` returns, the process ends at once. In contrast, before
/// this function returns, it cancels and awaits the remaining tasks, closes generators, and waits for the thread pool.
/// The loop exists before this function is called. The environment variable `ASYNCIO_BACKEND` therefore chooses the
/// backend, and passing a different `backend` ends the program with a message that explains the mistake.
///
/// - Parameters:
///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
///   - backend: The backend of the loop.
///   - body: The main task of the program.
/// - Returns: The value that `body` returns.
///
/// asyncio: `asyncio.run(main())` as the last line of a program.
@discardableResult
public func main<T>(
    debug: Bool? = nil, backend: EventLoop.Backend = .automatic, _ body: @escaping @MainActor () async throws -> T
) -> T {
    if EventLoop.here != nil {
        ProgramEnd.end(
            with: RuntimeError(
                "AsyncIO.main { } cannot be called from a running event loop; await the function instead"))
    }
    do { return try run(debug: debug, backend: backend, body) } catch { ProgramEnd.end(with: error) }
}

/// Runs a program in the same way as the overload of `main` that is not `async`. Call this overload in the `async` main
/// of a program that links AsyncIOMain. If the calling task is cancelled, `body` is also cancelled.
@_documentation(visibility: internal)
@discardableResult
public func main<T>(
    debug: Bool? = nil, backend: EventLoop.Backend = .automatic, _ body: @escaping @MainActor () async throws -> T
) async -> T {
    guard let loop = EventLoop.here, let main = loop.existingComponent(AsyncMain.self) else {
        return runMain(debug: debug, backend: backend, body)
    }
    do {
        guard backend == .automatic || backend == loop.backend else {
            throw ValueError(
                """
                backend must be \(loop.backend), which the loop of this async main already uses, got \
                \(backend); set ASYNCIO_BACKEND=\(backend) instead
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

/// Calls the synchronous overload of `main`. In an `async` function, the compiler would choose the other overload.
private func runMain<T>(
    debug: Bool?, backend: EventLoop.Backend, _ body: @escaping @MainActor () async throws -> T
) -> T {
    main(debug: debug, backend: backend, body)
}
