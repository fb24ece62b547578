internal import AsyncIOSystem

// # Several hosts on one loop
//
// In a simulation, the tasks of a loop in virtual time belong to different hosts. The kernel knows three things about
// them: a task or a callback belongs to the host of the code that created it, the steps of a host that is paused are
// held, and the tasks of a host that crashes never continue. Only the simulation knows which host that is.

/// The decisions of a simulation about the tasks and callbacks of a loop in virtual time. Loop thread only.
package protocol SimulatedHosts: AnyObject {
    /// Called when a task was created, by the code that created it.
    func taskCreated(_ task: AnyAsyncTask)
    /// Called when the running code has created an ``EventLoopThread``, which runs as a guest; see GuestLoop.
    func loopCreated(_ loop: EventLoop)
    /// Binds a callback to the host of the running code.
    func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void
    /// Binds the callback of a timer in the same way. The host has the timer as long as the result is retained.
    func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void
    /// Called before each step while `askHosts` is on. Returns false to hold the step.
    ///
    /// - Parameter task: nil for a callback, or for code that belongs to no `AsyncTask`.
    func admits(_ task: AnyAsyncTask?) -> Bool
}

extension EventLoop {
    /// Binds a callback that is not scheduled yet to the host of the running code.
    @inline(__always)
    static func boundToHost<T>(_ callback: @escaping (T) throws -> Void) -> (T) throws -> Void {
        guard let here, here.virtualNow != nil, let hosts = here.virtual.hosts else { return callback }
        var argument: T?
        let bound = hosts.bound { if let argument { try callback(argument) } }
        return { value in
            argument = value
            try bound()
        }
    }

    /// Makes the loop ask the hosts of a simulation.
    package func setSimulatedHosts(_ hosts: (any SimulatedHosts)?) {
        virtual.hosts = hosts
        updateNoticing()
    }

    /// Whether ``SimulatedHosts/admits(_:)`` is called before each step.
    package func askHosts(_ isNeeded: Bool) { virtual.asksHosts = isNeeded }

    /// Returns the entry to run. This is `entry`, or an entry that does nothing if the task of `entry` never continues
    /// or is held.
    func admitted(_ entry: ReadyEntry) -> ReadyEntry {
        switch entry {
        case .wake(let job, let task):
            if AbandonedTasks.contain(job) { return .nothing }
            return admitted(entry, of: task?.object)
        case .job(let job):
            if AbandonedTasks.contain(job) { return .nothing }
            guard virtual.asksHosts else { return entry }
            // SAFETY: a job is a pointer, which is only compared. A Swift task is its own job.
            return admitted(entry, of: carriers.task(carriedBy: unsafe unsafeBitCast(job, to: UInt.self)))
        case .handle, .threadSafe, .descriptor, .sleep, .done:
            if virtual.asksHosts { _ = virtual.hosts?.admits(nil) }
            return entry
        }
    }

    private func admitted(_ entry: ReadyEntry, of task: AnyAsyncTask?) -> ReadyEntry {
        guard virtual.asksHosts, let hosts = virtual.hosts, !hosts.admits(task), let task else { return entry }
        virtual.held.append((entry, task))
        return .nothing
    }

    /// Called in the first step of a task. It is not known in advance to which task that step belongs.
    @inline(never)
    func taskBegins(_ task: AnyAsyncTask) { _ = virtual.hosts?.admits(task) }

    /// Continues, in order, the held steps whose task is now admitted.
    package func continueHeld() {
        guard let hosts = virtual.hosts else { return }
        let held = virtual.held
        virtual.held = []
        for step in held {
            if hosts.admits(step.task) { ready.append(step.entry) } else { virtual.held.append(step) }
        }
    }

    /// Ends tasks as a crash does: they never continue, none of their code runs, and nothing is notified. Their memory
    /// is never freed. A running task ends where it next suspends.
    package func abandon(_ tasks: [AnyAsyncTask]) {
        AbandonedTasks.add(tasks, of: self)
        for task in tasks where !task.isDone {
            task.forgetCallbacks()
            if task.carrier == nil {
                // It has not started. Its body never runs.
                task.mustCancel = true
            }
            for carrier in carriers.carriers(of: task) { carriers.remove(carrier, of: task) }
            self.tasks.remove(task)
            task.isErrorRetrieved = true
        }
    }

    /// Calls `callback` when the clock shows `time`. The callback belongs to no host.
    package func call(at time: Int64, _ callback: @escaping () -> Void) { schedule(.callback(callback), at: time) }

    /// The current time of a loop in virtual time, in nanoseconds.
    package var virtualNanoseconds: Int64 { virtualNow ?? 0 }

    /// When virtual time began, in nanoseconds.
    package var virtualStart: Int64 { virtual.start }

    /// Adds an offset to the date that wall clocks show, until this is called again.
    package func offsetDate(by offset: Int64) { ThreadState.virtualEpoch = virtual.epoch &+ offset }
}

extension ReadyEntry {
    /// An entry that does nothing, in place of one that is not to run.
    fileprivate static var nothing: ReadyEntry { .handle(Handle(.none)) }
}
