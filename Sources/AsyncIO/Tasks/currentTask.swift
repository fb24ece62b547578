/// Returns the running task. Returns `nil` in a callback, in a plain Swift task, on a thread that does not run a loop,
/// or in a child task of `async let` or a standard task group.
///
/// asyncio: `asyncio.current_task`.
public func currentTask() -> AnyAsyncTask? { runningTask()?.visible }

/// Returns the task that a scope must cancel to cancel its body. This is the current task or, in the body of a
/// generator, the hidden task.
@usableFromInline
func runningTask() -> AnyAsyncTask? { EventLoop.here?.carriers.current?.object }

/// Returns the loop's tasks that have not ended, oldest first.
///
/// - Complexity: O(*n* log *n*), where *n* is the number of tasks.
///
/// asyncio: `asyncio.all_tasks`.
public func allTasks() -> [AnyAsyncTask] { EventLoop.required(for: "allTasks").tasks.all }

extension EventLoop {
    /// The number of the current task, or 0 if no task is running.
    @inline(__always)
    static var currentTaskNumber: UInt64 {
        var number: UInt64 = 0
        _ = withHere { loop in
            if let task = loop.carriers.current { number = task.with { $0.number } }
        }
        return number
    }
}
