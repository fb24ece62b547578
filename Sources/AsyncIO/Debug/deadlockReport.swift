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
            (
                tasks.all.map { $0.waitReport(on: self) },
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
    fileprivate func waitReport(on loop: EventLoop) -> String {
        let since =
            loop.virtualNow == nil
            ? sinceText : " since \(Duration.nanoseconds(max(0, waitingSince - loop.virtual.start)))"
        let subject =
            waitingOn.map { "waits for \($0.waitDescription)\(since)" } ?? "waits for code outside of asyncio"
        let place = stack.first.map { " at \($0)" } ?? ""
        let origin = site.map { ", created at \($0)" } ?? ""
        return "\"\(name)\" \(subject)\(place)\(origin)"
    }
}
