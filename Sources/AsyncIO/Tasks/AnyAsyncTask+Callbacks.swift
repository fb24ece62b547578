extension AnyAsyncTask {
    /// Calls `callback` in the turn after the task ends, or in the next turn if the task has already ended. This method
    /// works with tasks of any value type. An error that the callback throws goes to the loop's exception handler.
    ///
    /// - Parameter callback: A closure that receives the task.
    /// - Returns: A token for ``FutureBase/removeDoneCallback(_:)``.
    ///
    /// asyncio: `Task.add_done_callback`.
    @discardableResult
    public final func addDoneCallback(_ callback: @escaping (AnyAsyncTask) throws -> Void) -> DoneCallback {
        let callback = EventLoop.boundToHost(CallerContext.bind(taking: callback))
        return onDone { [unowned self] _ in try callback(self) }
    }
}
