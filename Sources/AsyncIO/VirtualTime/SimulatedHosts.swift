internal import AsyncIOSystem

// # Several hosts on one loop
//
// In a simulation, the tasks of a loop in virtual time belong to different hosts. The core of the loop implements three
// rules for hosts: a task or a callback belongs to the host of the code that created it, the steps of a paused host are
// held, and the tasks of a crashed host never continue. The hosts themselves are objects of the simulation.

/// An object that makes a simulation's decisions about the tasks and callbacks of a loop in virtual time. It is used
/// only on the loop's thread.
package protocol SimulatedHosts: AnyObject {
    /// Called after a task has been created, in the context of the code that created the task.
    func taskCreated(_ task: AnyAsyncTask)
    /// Called when the running code has created an ``EventLoopThread``, which runs as a guest; see GuestLoop.
    func loopCreated(_ loop: EventLoop)
    /// Returns the callback, bound to the host of the running code.
    func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void
    /// Returns the callback of a timer, bound to the host of the running code. The timer belongs to the host as long as
    /// the result is retained.
    func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void
    /// Returns false to hold a step. If `askHosts(true)` has been called, the loop calls this method before each step.
    ///
    /// - Parameter task: The task of the step, or nil for a callback and for code that belongs to no `AsyncTask`.
    func admits(_ task: AnyAsyncTask?) -> Bool
}

extension EventLoop {
    /// Returns a callback that is not scheduled yet, bound to the host of the running code.
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

    /// Returns a callback for any loop, bound to the host of the running code.
    static func boundToHost(
        sendable callback: @escaping @Sendable () throws -> Void
    ) -> @Sendable () throws -> Void {
        guard let hosts = here?.simulation?.virtual.hosts else { return callback }
        // SAFETY: all loops of a simulation run on one thread.
        nonisolated(unsafe) let bound = hosts.bound(callback)
        return { try unsafe bound() }
    }

    /// Sets the hosts of a simulation, which the loop asks for decisions.
    package func setSimulatedHosts(_ hosts: (any SimulatedHosts)?) {
        virtual.hosts = hosts
        updateNoticing()
    }

    /// Sets whether ``SimulatedHosts/admits(_:)`` is called before each step.
    package func askHosts(_ isNeeded: Bool) { virtual.asksHosts = isNeeded }

    /// Returns the entry to run. The result is `entry`, or an entry that does nothing if the task of `entry` is held or
    /// never continues.
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

    /// Called in the first step of a task, because the loop does not know in advance to which task that step belongs.
    @inline(never)
    func taskBegins(_ task: AnyAsyncTask) { _ = virtual.hosts?.admits(task) }

    /// Continues, in order, the held steps whose tasks are now admitted.
    package func continueHeld() {
        guard let hosts = virtual.hosts else { return }
        let held = virtual.held
        virtual.held = []
        for step in held {
            if hosts.admits(step.task) { ready.append(step.entry) } else { virtual.held.append(step) }
        }
    }

    /// Ends tasks as a crash would. The tasks never continue, none of their code runs, and no other code is notified.
    /// The memory of the tasks is never freed. A running task ends where it next suspends.
    package func abandon(_ tasks: [AnyAsyncTask]) {
        AbandonedTasks.add(tasks, of: self)
        for task in tasks where !task.isDone {
            task.forgetCallbacks()
            if task.carrier == nil {
                // The task has not started, so its body never runs.
                task.mustCancel = true
            }
            for carrier in carriers.carriers(of: task) { carriers.remove(carrier, of: task) }
            self.tasks.remove(task)
            task.isErrorRetrieved = true
        }
    }

    /// Calls `callback` when the clock reaches `time`. The callback belongs to no host.
    package func call(at time: Int64, _ callback: @escaping () -> Void) { schedule(.callback(callback), at: time) }

    /// The current time of a loop in virtual time, in nanoseconds.
    package var virtualNanoseconds: Int64 { virtualNow ?? 0 }

    /// The time at which virtual time began, in nanoseconds.
    package var virtualStart: Int64 { virtual.start }

    /// Adds an offset to the date that wall clocks show, until this method is called again.
    package func offsetDate(by offset: Int64) { ThreadState.virtualEpoch = virtual.epoch &+ offset }
}

extension ReadyEntry {
    /// An entry that does nothing, which replaces an entry that must not run.
    fileprivate static var nothing: ReadyEntry { .handle(Handle(.none)) }
}
