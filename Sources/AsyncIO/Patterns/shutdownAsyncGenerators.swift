/// A generator whose body has begun and not ended.
protocol OpenGenerator: AnyObject {
    /// Ends the body, if it is suspended in `yield`, and waits for its clean-up.
    nonisolated(nonsending) func close() async throws
}

extension EventLoop {
    /// Closes every ``AsyncGenerator`` of this loop that is suspended in `yield`, all at
    /// once, and waits for their clean-up. What that throws goes to the exception handler.
    ///
    /// `run { }` and ``Runner/close()`` do it after they have cancelled the tasks.
    ///
    /// asyncio: `loop.shutdown_asyncgens`.
    public nonisolated(nonsending) func shutdownAsyncGenerators() async {
        assertUsable("shutdownAsyncGenerators")
        guard !generators.isEmpty else { return }
        var closing: [AsyncTask<Void>] = []
        for generator in generators.all {
            closing.append(createTask(name: "generator clean-up") { try await generator.close() })
        }
        guard let results = try? await gatherResults(closing) else { return }
        for case .failure(let error) in results where !(error is CancellationError) {
            callExceptionHandler(
                ExceptionContext(
                    message: "an error occurred during closing of an asynchronous generator", error: error))
        }
    }
}
