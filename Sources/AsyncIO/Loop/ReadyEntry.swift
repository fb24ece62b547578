/// An entry to run in this turn or the next turn.
enum ReadyEntry {
    /// The wake-up of a task. The associated values are the job of the task, and the `AsyncTask` that the job belongs
    /// to.
    case wake(UnownedJob, UnretainedTask?)
    /// A job of the Swift runtime, such as the start of a task, an actor's turn, or a foreign wake-up.
    case job(UnownedJob)
    /// A scheduled callback.
    case handle(Handle)
    /// A callback that another thread scheduled.
    case threadSafe(ThreadSafeHandle)
    /// The callback of a descriptor.
    case descriptor(WatchCallback)
    /// A sleep that has reached its deadline.
    case sleep(SleepFuture)
    /// A done callback of a future that has ended.
    case done(FutureBase, DoneCallback)

    /// The task that this entry runs, if it is known in advance.
    @inline(__always)
    var task: UnretainedTask? {
        if case .wake(_, let task) = self { task } else { nil }
    }
}
