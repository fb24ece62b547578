internal import AsyncIOSystem
internal import CShims

// # Tasks that never continue
//
// A loop that is closed can leave tasks behind that have not ended. They wait for something that never came,
// or came too late, and `close()` reports them. If it comes after all (a thread resumes the continuation, a
// `Task.sleep` ends), the runtime delivers their job to the loop that runs then. A task that
// `runInVirtualTime` has left must not run there: the test has returned, and what the task uses may be gone.
// So the job is dropped.
//
// Such a Swift task stays suspended forever. It is identified by its address and by its number in the
// runtime, which distinguishes it from a later task at the same address, in case an abandoned task ends after
// all. Looking up a job costs one load until the first task is abandoned.

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
