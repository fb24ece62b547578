/// Something to run in this turn or the next.
enum ReadyEntry {
    /// A task's wake-up: its job, and the AsyncTask that it belongs to.
    case wake(UnownedJob, UnretainedTask?)
    /// A job of the Swift runtime: the start of a task, an actor's turn, a foreign wake-up.
    case job(UnownedJob)
    /// A callback that was scheduled.
    case handle(Handle)
    /// A callback that another thread scheduled.
    case threadSafe(ThreadSafeHandle)
    /// A descriptor's callback.
    case descriptor(WatchCallback)
    /// A sleep that has reached its deadline.
    case sleep(SleepFuture)
    /// A done callback of a future that ended.
    case done(FutureBase, DoneCallback)

    /// The task that this entry runs, if it is known in advance.
    @inline(__always)
    var task: UnretainedTask? {
        if case .wake(_, let task) = self { task } else { nil }
    }
}
