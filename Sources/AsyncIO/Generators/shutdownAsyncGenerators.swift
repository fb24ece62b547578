/// A generator whose body has started but has not ended.
protocol OpenGenerator: AnyObject {
    /// Ends the body if it is suspended in `yield`, and waits for its cleanup.
    func close() async throws
}

extension EventLoop {
    /// Concurrently closes all generators (``AsyncGenerator``) of this loop that are suspended in `yield`, and waits
    /// for their cleanup. Errors that the cleanup throws go to the loop's exception handler.
    ///
    /// `run { }` and ``Runner/close()`` call this method after they have cancelled the loop's tasks. If the current
    /// task is cancelled, the cleanup is also cancelled.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the number of open generators.
    ///
    /// asyncio: `loop.shutdown_asyncgens`.
    public func shutdownAsyncGenerators() async {
        assertUsable("shutdownAsyncGenerators")
        guard let generators = existingComponent(OpenGenerators.self), !generators.isEmpty else { return }
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
