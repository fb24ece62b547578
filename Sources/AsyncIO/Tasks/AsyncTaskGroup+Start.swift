extension AsyncTaskGroup {
    /// Starts `body` as a task of the group and waits until it says that it is ready.
    ///
    /// ```swift
    /// let port = try await group.start { ready in
    ///     let server = try await startServer(host: "127.0.0.1", port: 0, handler)
    ///     ready(server.port)
    ///     try await server.serveForever()
    /// }
    /// ```
    ///
    /// An error before that is thrown here and not the group's; an error after it is the
    /// group's. Cancelling the wait cancels the task.
    ///
    /// - Parameter body: gets a function to call once, with a value for the caller.
    /// - Returns: what the body was ready with.
    /// - Throws: what the body throws before it is ready; ``RuntimeError`` if it ends without
    ///   being ready, or if the group takes no more tasks; `CancellationError`.
    public func start<Value>(
        name: String? = nil,
        isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID,
        line: UInt = #line,
        _ body: @escaping (Ready<Value>) async throws -> Void
    ) async throws -> Value {
        let ready = Ready<Value>()
        let task = try createTask(name: name, isolation: isolation, fileID: fileID, line: line) {
            _ = isolation
            do {
                try await body(ready)
            } catch {
                if ready.future.isDone { throw error }
                return ready.future.fail(currentTask()?.counted(error) ?? error)
            }
            ready.end()
        }
        task.addDoneCallback { task in
            if task.isCancelled { ready.future.cancel() }
        }
        do {
            return try await ready.future.value
        } catch {
            if !task.isDone { task.cancel() }
            throw error
        }
    }

    /// Says that a task is ready; see ``start(name:isolation:fileID:line:_:)``.
    public struct Ready<Value> {
        let future = Future<Value>()

        /// The task is ready; the one who started it goes on with `value`. Only the first
        /// call counts.
        public func callAsFunction(_ value: Value) {
            if !future.isDone { future.succeed(value) }
        }

        fileprivate func end() {
            guard !future.isDone else { return }
            future.fail(RuntimeError("the task ended without being ready"))
        }
    }
}

extension AsyncTaskGroup.Ready where Value == Void {
    /// The task is ready.
    public func callAsFunction() { callAsFunction(()) }
}
