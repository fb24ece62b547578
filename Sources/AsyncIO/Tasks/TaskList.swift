/// The tasks of a loop that have not ended: the loop holds them.
struct TaskList {
    /// In no order, so that a task joins and leaves at once; each knows its place.
    private var tasks: ContiguousArray<AnyAsyncTask> = []
    private var lastNumber: UInt64 = 0

    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    mutating func append(_ task: AnyAsyncTask) {
        task.place = tasks.count
        tasks.append(task)
    }

    /// Takes a task out; does nothing if its loop was closed before it ended.
    mutating func remove(_ task: AnyAsyncTask) {
        let place = task.place
        guard place >= 0 else { return }
        task.place = -1
        let last = tasks.count - 1
        if place < last {
            tasks.swapAt(place, last)
            tasks[place].place = place
        }
        tasks.removeLast()
    }

    /// Takes all tasks out, which may outlive the list.
    mutating func removeAll() {
        for task in tasks { task.place = -1 }
        tasks.removeAll()
    }

    var count: Int { tasks.count }

    subscript(number number: UInt64) -> AnyAsyncTask? { tasks.first { $0.number == number } }

    /// Oldest first.
    var all: [AnyAsyncTask] { tasks.sorted { $0.number < $1.number } }
}

extension EventLoop {
    /// The number of the task that runs here; 0 if none does.
    @inline(__always)
    static var currentTaskNumber: UInt64 {
        var number: UInt64 = 0
        _ = withHere { loop in
            if let task = loop.carriers.current { number = task.with { $0.number } }
        }
        return number
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
