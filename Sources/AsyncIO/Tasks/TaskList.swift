/// The tasks of a loop that have not ended, oldest first: the loop holds them.
struct TaskList {
    private var first: AnyAsyncTask?
    // SAFETY: nil, or the last task, which the list holds through `first`.
    @safe private unowned(unsafe) var last: AnyAsyncTask?
    private(set) var count = 0
    private var lastNumber: UInt64 = 0

    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func append(_ task: AnyAsyncTask) {
        task.isListed = true
        task.previousTask = last
        if let last = last { last.nextTask = task } else { first = task }
        last = task
        count += 1
    }

    /// Takes a task out; does nothing if its loop was closed before it ended.
    mutating func remove(_ task: AnyAsyncTask) {
        guard task.isListed else { return }
        task.isListed = false
        let previous = task.previousTask
        if let next = task.nextTask { next.previousTask = previous } else { last = previous }
        if let previous { previous.nextTask = task.nextTask } else { first = task.nextTask }
        task.nextTask = nil
        task.previousTask = nil
        count -= 1
    }

    /// Takes all tasks out, which may outlive the list.
    mutating func removeAll() {
        for task in all { remove(task) }
    }

    var all: [AnyAsyncTask] {
        var tasks: [AnyAsyncTask] = []
        tasks.reserveCapacity(count)
        var task = first
        while let current = task {
            tasks.append(current)
            task = current.nextTask
        }
        return tasks
    }
}

/// The task that is running, or nil: in a callback, in a plain Swift task, on another
/// thread, and in a child that was made with `async let` or a standard task group.
///
/// asyncio: `asyncio.current_task`.
public func currentTask() -> AnyAsyncTask? { runningTask()?.visible }

/// What is cancelled when a scope that is entered here cancels its body: the current task, or
/// the hidden one of a generator's body.
@usableFromInline
func runningTask() -> AnyAsyncTask? { EventLoop.here?.carriers.current?.object }

/// The loop's tasks that have not ended, oldest first.
///
/// asyncio: `asyncio.all_tasks`.
public func allTasks() -> [AnyAsyncTask] { EventLoop.required(for: "allTasks").tasks.all }
