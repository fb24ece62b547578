package import AsyncIO

// Answers the library's questions about tasks and callbacks; see SimulatedHosts.

extension Network: SimulatedHosts {
    package func taskCreated(_ task: AnyAsyncTask) {
        guard let run = HostRun.current else { return }
        if run.isDead {
            // A Swift task of a killed program, which is unknown to the loop, created this task.
            (EventLoop.current ?? loop).abandon([task])
        } else {
            run.add(task, on: self)
        }
    }

    package func loopCreated(_ loop: EventLoop) { add(loop) }

    package func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        HostRun.current?.bound(callback) ?? callback
    }

    package func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        HostRun.current?.boundTimer(callback) ?? callback
    }

    package func admits(_ task: AnyAsyncTask?) -> Bool {
        let host = task.flatMap { task in hosts.first { $0.isSpecial && $0.run.contains(task) } }
        loop.offsetDate(by: 0)
        host?.showClock()
        return host?.isPaused != true
    }

    /// Called after a host was paused or resumed, or after its clock was changed.
    func hostsChanged() {
        let isNeeded = hosts.contains(where: \.isSpecial)
        for loop in loops { loop.askHosts(isNeeded) }
        loop.offsetDate(by: 0)
    }
}

extension Host {
    /// Whether the loop must determine which steps belong to this host.
    fileprivate var isSpecial: Bool { isPaused || clockOffset != .zero }
}
