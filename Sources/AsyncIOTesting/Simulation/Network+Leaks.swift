internal import AsyncIO
internal import AsyncIOSystem

extension Network {
    /// The tasks, connections, listeners, datagram sockets, timers, and open files that remain on the hosts, with one
    /// line for each.
    public var leaks: [String] {
        let own = currentTask()
        var found: [String] = []
        for host in hosts {
            let run = host.run
            for task in run.unfinished(on: loops) where task !== own { found.append("\(host): \(task.description)") }
            for loop in guests(of: run) { found.append("\(host): EventLoopThread \"\(loop.name)\" is running") }
            for end in run.connections.values.sorted(by: { $0.number < $1.number }) {
                found.append("\(host): connection #\(end.number) to \(end.peerHost?.name ?? "another host") is open")
            }
            for address in host.listeners.keys.map(\.description).sorted() {
                found.append("\(host): something is still listening on \(address)")
            }
            for address in host.ports.keys.map(\.description).sorted() {
                found.append("\(host): a datagram socket is open at \(address)")
            }
            let timers = run.timerCount
            if timers > 0 { found.append("\(host): \(timers) \(timers == 1 ? "timer is" : "timers are") set") }
            let files = host.disk.openFileCount
            if files > 0 { found.append("\(host): \(files) \(files == 1 ? "file is" : "files are") open") }
        }
        let belongingToNone = loops.flatMap(\.unfinishedTasks).filter { task in
            task !== own && !hosts.contains { $0.run.contains(task) }
        }
        return found + belongingToNone.map(\.description)
    }
}
