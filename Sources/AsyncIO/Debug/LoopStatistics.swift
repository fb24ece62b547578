internal import AsyncIOSystem

/// The state of an event loop at one moment.
public struct LoopStatistics: Sendable {
    /// The loop's name; see ``EventLoop/name``.
    public let name: String
    /// The number of turns so far.
    public let turns: UInt64
    /// The number of steps so far. A step is a callback, or the part of a task from one suspension
    /// to the next.
    public let steps: UInt64
    /// The number of tasks that have not ended.
    public let tasks: Int
    /// The number of entries that are ready to run in the next turn.
    public let ready: Int
    /// The number of timers that have not fired.
    public let timers: Int
    /// The number of watched descriptors, such as sockets and pipes.
    public let descriptors: Int
    /// The number of connected sockets, both of clients and of servers.
    public let connections: Int
    /// The number of bytes that connections, pipes, and datagram sockets have received so far, as the system counts
    /// them. With TLS, this property counts the encrypted bytes.
    public let bytesReceived: Int
    /// The number of bytes that connections, pipes, and datagram sockets have sent so far, as the system counts them.
    public let bytesSent: Int
    /// The lag of the loop, which is the lateness of the timer that fired most recently.
    public let lag: Duration
    /// The longest lag so far.
    public let longestLag: Duration
    /// The number of times that the watchdog has found the loop blocked.
    public let stalls: Int
    /// The longest time for which the loop was blocked.
    public let longestStall: Duration
}

extension EventLoop {
    /// The current state of the loop, such as its lag and the numbers of its tasks, timers, and connections.
    public var statistics: LoopStatistics {
        assertUsable("statistics")
        let (stalls, longestStall) = Blockage.with(self) { ($0.stalls, $0.longest) }
        let network = existingComponent(LoopNetwork.self)
        return LoopStatistics(
            name: name, turns: turns, steps: pulse.steps, tasks: tasks.count, ready: ready.count, timers: timers.count,
            descriptors: descriptors.count, connections: network?.connections ?? 0,
            bytesReceived: network?.received ?? 0, bytesSent: network?.sent ?? 0, lag: .nanoseconds(lag.latest),
            longestLag: .nanoseconds(lag.longest), stalls: stalls, longestStall: .nanoseconds(longestStall))
    }
}
