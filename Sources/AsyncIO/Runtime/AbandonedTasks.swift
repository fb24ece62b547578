internal import AsyncIOSystem
internal import CShims

// # Tasks that never continue
//
// When a loop is closed, some of its tasks may not have ended. They are waiting for an event that has not occurred, and
// `close()` reports them. If the event occurs later (for example, because a thread resumes the continuation or a
// `Task.sleep` ends), the runtime delivers the task's job to the loop that is running at that time. A task that
// `runInVirtualTime` has abandoned must not run on that loop, because the test has returned, and the objects that the
// task uses may no longer exist. Therefore, the job is dropped.
//
// Such a Swift task stays suspended forever. It is identified by its address and by its number in the runtime. If an
// abandoned task ends after all, the number distinguishes it from a later task at the same address. Until the first
// task is abandoned, looking up a job costs only one load.

enum AbandonedTasks {
    /// The numbers of the abandoned tasks, by address.
    private static let noted = Guarded<[UInt: UInt32]>([:])

    /// Records that the tasks never run again. The objects that the tasks wait for may belong to other code, which may
    /// complete them later. This method makes these objects forget the tasks, so that wake-ups need no check.
    static func add(_ tasks: [AnyAsyncTask], of loop: EventLoop) {
        for task in tasks { _ = task.waitingOn?.forgetWake(of: task) }
        let carriers = loop.carriers.carriers(of: tasks)
        guard !carriers.isEmpty else { return }
        noted.withLock { noted in
            for carrier in carriers { noted[carrier.bits] = carrier.number }
        }
        asyncio_set_has_abandoned_tasks()
    }

    /// Returns whether the job belongs to an abandoned task. You can call this method on any thread.
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
