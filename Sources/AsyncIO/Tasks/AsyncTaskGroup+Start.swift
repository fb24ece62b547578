extension AsyncTaskGroup {
    /// Starts `body` as a task of the group and waits until the task reports that it is ready.
    ///
    /// ```swift
    /// let port = try await group.start { ready in
    ///     let server = try await startServer(host: "127.0.0.1", port: 0, handler)
    ///     ready(server.port)
    ///     try await server.serveForever()
    /// }
    /// ```
    ///
    /// If the body throws an error before the task is ready, this method throws the error, and the group is not
    /// affected. If the body throws an error later, the task counts as a failed task of the group.
    ///
    /// - Parameters:
    ///   - name: The name of the task in reports, or `nil` for the default name `Task-N`.
    ///   - body: The body of the task. The body receives a function that it must call once, with a value for the caller
    ///     of `start`.
    /// - Returns: The value that the body passed to `ready`.
    /// - Throws: The error that `body` throws before the task is ready; ``RuntimeError`` if `body` returns before the
    ///   task is ready, or if the group does not accept tasks; `CancellationError` if the waiting task is cancelled, in
    ///   which case the started task is also cancelled.
    ///
    /// asyncio: none.
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
            if task.wasCancelled { ready.future.cancel() }
        }
        do {
            return try await ready.future.value
        } catch {
            if !task.isDone { task.cancel() }
            throw error
        }
    }

    /// A function that reports that a task is ready; see ``start(name:isolation:fileID:line:_:)``.
    public struct Ready<Value> {
        let future = Future<Value>()

        /// Reports that the task is ready, and passes a value to the caller of `start`. Later calls have no effect.
        public func callAsFunction(_ value: Value) {
            if !future.isDone { future.succeed(value) }
        }

        fileprivate func end() {
            guard !future.isDone else { return }
            future.fail(RuntimeError("the task ended before it was ready"))
        }
    }
}

extension AsyncTaskGroup.Ready where Value == Void {
    /// Reports that the task is ready.
    public func callAsFunction() { callAsFunction(()) }
}
