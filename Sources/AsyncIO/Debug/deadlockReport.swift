extension EventLoop {
    /// A line for each task that has not ended, and a line for each cycle of tasks that are waiting for each other.
    package var deadlockReport: (waiting: [String], cycles: [String]) {
        virtual.guests.reduce(into: ownDeadlockReport) { report, guest in
            let other = guest.ownDeadlockReport
            report.waiting += other.waiting
            report.cycles += other.cycles
        }
    }
}

extension EventLoop {
    private var ownDeadlockReport: (waiting: [String], cycles: [String]) {
        whileCurrent {
            // All stacks are symbolized first, because they determine how creation sites are shown.
            let stacks = tasks.all.map { ($0, $0.stack) }
            return (
                stacks.map { task, stack in task.waitReport(on: self, at: stack.first) },
                AwaitGraph(of: self).deadlocks.map(AwaitGraph.description(of:))
            )
        }
    }
}

extension AnyAsyncTask {
    /// Returns a line that describes what the task is waiting for, where and since when it has been waiting, and where
    /// it was created.
    ///
    /// In virtual time, the line contains the virtual time at which the wait began. Otherwise, the line contains the
    /// time for which the task has been waiting.
    fileprivate func waitReport(on loop: EventLoop, at frame: CallGraphFrame?) -> String {
        let since =
            loop.virtualNow == nil
            ? sinceText : " since \(Duration.nanoseconds(max(0, waitingSince - loop.virtual.start)))"
        let subject =
            waitingOn.map { "waits for \($0.waitDescription)\(since)" } ?? "waits for code outside of asyncio"
        let place = frame.map { " at \($0)" } ?? ""
        let origin = site.map { ", created at \($0.location)" } ?? ""
        let loopName = loop.guest == nil ? "" : " on loop \"\(loop.name)\""
        return "\"\(name)\"\(loopName) \(subject)\(place)\(origin)"
    }
}
