/// A list of the loop's tasks that have not ended. The list retains the tasks.
struct TaskList {
    /// The tasks, in no particular order. Each task stores its position, so that adding or removing a task takes
    /// constant time.
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

    /// Removes a task. This method does nothing if the task's loop was closed before the task ended.
    mutating func remove(_ task: AnyAsyncTask) {
        let place = task.place
        guard place > 0 else { return }
        #if DEBUG
            precondition(place <= tasks.count && tasks[place - 1] === task, "a task is in the list of its own loop")
        #endif
        task.place = 0
        if place < tasks.count {
            tasks.swapAt(place - 1, tasks.count - 1)
            tasks[place - 1].place = place
        }
        tasks.removeLast()
    }

    /// Removes all tasks. The removed tasks can outlive the list.
    mutating func removeAll() {
        for task in tasks { task.place = 0 }
        tasks.removeAll()
    }

    var count: Int { tasks.count }

    subscript(number number: UInt64) -> AnyAsyncTask? { tasks.first { $0.number == number } }

    /// All tasks, oldest first.
    var all: [AnyAsyncTask] { tasks.sorted { $0.number < $1.number } }
}

extension AnyAsyncTask {
    /// The position of the task in the loop's list, starting at 1, or 0 if the task is not in the list.
    fileprivate final var place: Int {
        get { Int(tag) }
        set { tag = UInt32(truncatingIfNeeded: newValue) }
    }
}

#if DEBUG
    extension TaskList {
        /// Stops the program if the list is inconsistent.
        ///
        /// - Complexity: O(*n*), where *n* is the number of tasks.
        func checkInvariants() {
            var numbers: Set<UInt64> = []
            for (index, task) in tasks.enumerated() {
                precondition(task.place == index + 1, "each task knows its position")
                precondition(1...max(1, lastNumber) ~= task.number, "each task has a number that was given out")
                precondition(numbers.insert(task.number).inserted, "no two tasks have the same number")
                precondition(!task.isDone, "no task in the list has ended")
            }
        }
    }
#endif
