internal import AsyncIOSystem

/// How a loop is doing.
public struct LoopStatistics: Sendable {
    /// What it is called; see ``EventLoop/name``.
    public let name: String
    /// Turns made so far.
    public let turns: UInt64
    /// Steps made so far: pieces of tasks, and callbacks.
    public let steps: UInt64
    /// Tasks that have not ended.
    public let tasks: Int
    /// What is ready to run in the next turn.
    public let ready: Int
    /// Timers that have not fired.
    public let timers: Int
    /// Descriptors that are watched: sockets, pipes.
    public let descriptors: Int
    /// Sockets that are connected, of clients and of servers.
    public let connections: Int
    /// Bytes that connections, pipes and datagram sockets received so far, as the system
    /// counts them: with TLS, encrypted ones.
    public let bytesReceived: Int
    /// Bytes that were sent so far.
    public let bytesSent: Int
    /// How late the latest timer fired: the loop's lag.
    public let lag: Duration
    /// How late the latest of all timers fired.
    public let longestLag: Duration
    /// How often the watchdog found this loop blocked.
    public let stalls: Int
    /// The longest time that it was.
    public let longestStall: Duration
}

/// What goes through a loop's sockets and pipes. Loop thread only.
struct Traffic {
    var connections = 0
    var received = 0
    var sent = 0
}

extension EventLoop {
    /// How the loop is doing: its lag, and how much there is of everything.
    public var statistics: LoopStatistics {
        assertUsable("statistics")
        let (stalls, longestStall) = blockage.withLock { ($0.stalls, $0.longest) }
        return LoopStatistics(
            name: name, turns: turns, steps: pulse.steps, tasks: tasks.count, ready: ready.count, timers: timers.count,
            descriptors: descriptors.count, connections: traffic.connections, bytesReceived: traffic.received,
            bytesSent: traffic.sent, lag: .nanoseconds(lag.latest), longestLag: .nanoseconds(lag.longest),
            stalls: stalls, longestStall: .nanoseconds(longestStall))
    }
}
