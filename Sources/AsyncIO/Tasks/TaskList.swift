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
        tasks.append(task)
        task.place = tasks.count
    }

    /// Takes a task out; does nothing if its loop was closed before it ended.
    mutating func remove(_ task: AnyAsyncTask) {
        let place = task.place
        guard place > 0 else { return }
        task.place = 0
        if place < tasks.count {
            tasks.swapAt(place - 1, tasks.count - 1)
            tasks[place - 1].place = place
        }
        tasks.removeLast()
    }

    /// Takes all tasks out, which may outlive the list.
    mutating func removeAll() {
        for task in tasks { task.place = 0 }
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

extension AnyAsyncTask {
    /// The place in the loop's list, from 1; 0 when the task is not there.
    fileprivate final var place: Int {
        get { Int(tag) }
        set { tag = UInt32(truncatingIfNeeded: newValue) }
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
