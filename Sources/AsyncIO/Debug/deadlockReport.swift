extension EventLoop {
    /// A line for each task that has not ended, and one for each cycle in which tasks wait for each other.
    package var deadlockReport: (waiting: [String], cycles: [String]) {
        whileCurrent {
            (
                tasks.all.map { $0.waitReport(at: virtualNow) },
                AwaitGraph(of: self).deadlocks.map(AwaitGraph.description(of:))
            )
        }
    }
}

extension AnyAsyncTask {
    /// A line about the task: what it waits for, since when and where, and where it was created.
    ///
    /// In virtual time, which starts at zero, the line says at what time the wait began. Otherwise it says
    /// how long the task has waited.
    fileprivate func waitReport(at virtualNow: Int64?) -> String {
        let since = virtualNow == nil ? sinceText : " since \(Duration.nanoseconds(waitingSince))"
        let subject =
            waitingOn.map { "waits for \($0.waitDescription)\(since)" } ?? "waits for code outside of asyncio"
        let place = stack.first.map { " at \($0)" } ?? ""
        let origin = site.map { ", created at \($0)" } ?? ""
        return "\"\(name)\" \(subject)\(place)\(origin)"
    }
}
