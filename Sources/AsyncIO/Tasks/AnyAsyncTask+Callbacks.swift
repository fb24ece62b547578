extension AnyAsyncTask {
    /// Calls `callback` in the turn after the task has ended, or in the next turn if it has already ended. The type of
    /// the task's value does not matter. An error that the callback throws goes to the loop's exception handler.
    ///
    /// - Parameter callback: Receives the task.
    /// - Returns: A token for ``FutureBase/removeDoneCallback(_:)``.
    ///
    /// asyncio: `Task.add_done_callback`.
    @discardableResult
    public final func addDoneCallback(_ callback: @escaping (AnyAsyncTask) throws -> Void) -> DoneCallback {
        let callback = EventLoop.boundToHost(CallerContext.bind(taking: callback))
        return onDone { [unowned self] _ in try callback(self) }
    }
}
