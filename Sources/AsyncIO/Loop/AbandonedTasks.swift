internal import AsyncIOSystem
internal import CShims

// # Tasks that never go on
//
// A loop that is closed leaves tasks behind that have not ended: they wait for something that
// never came, or that came too late, and `close()` says so. Should it come after all (a thread
// resumes the continuation, a `Task.sleep` ends), the runtime brings their job to whatever loop
// runs then. A task that `runInVirtualTime` has left must not run there: a test has given its body
// back to the test runner, so that what the task uses may be gone. So the job is dropped.
//
// Such a Swift task stays suspended for ever. It is known by its address and by the runtime's
// number of it, which no later task has, should one that was noted end after all. To look a job up
// costs one load until the first task is abandoned.

enum AbandonedTasks {
    /// By the address: the number.
    private static let noted = Guarded<[UInt: UInt32]>([:])

    /// The tasks never run again. What they wait for may belong to others and end later: it
    /// forgets them here, so that no wake-up has to ask.
    static func add(_ tasks: [AnyAsyncTask], of loop: EventLoop) {
        for task in tasks { _ = task.waitingOn?.forgetWake(of: task) }
        let carriers = loop.carriers.carriers(of: tasks)
        guard !carriers.isEmpty else { return }
        noted.withLock { noted in
            for carrier in carriers { noted[carrier.bits] = carrier.number }
        }
        asyncio_set_has_abandoned_tasks()
    }

    /// Whether the job is that of such a task. Any thread.
    @inline(__always)
    static func contain(_ job: UnownedJob) -> Bool { asyncio_has_abandoned_tasks() && find(job) }

    @inline(never)
    private static func find(_ job: UnownedJob) -> Bool {
        // SAFETY: a job is a pointer, which is only compared; a task is its own job.
        let address = unsafe unsafeBitCast(job, to: UInt.self)
        return noted.withLock { noted in
            guard let number = noted[address] else { return false }
            if unsafe asyncio_task_number(UnsafeRawPointer(bitPattern: address)) == number { return true }
            noted[address] = nil
            return false
        }
    }
}
