/// The state that the sockets and pipes of a loop share. Loop thread only.
final class LoopNetwork: LoopComponent {
    /// The memory into which all connections receive, so that an idle connection needs none.
    let receiveBuffer = ReceiveBuffer()

    /// The simulated network below the connections, or nil for the system's network.
    var stack: (any NetworkStack)?

    // The traffic so far.
    @safe @exclusivity(unchecked) var connections = 0
    @safe @exclusivity(unchecked) var received = 0
    @safe @exclusivity(unchecked) var sent = 0

    /// The number of name lookups that tasks wait for. When the loop ends, it waits for other work on threads, but not
    /// for lookups.
    var lookups = 0

    override var isBusy: Bool { lookups > 0 }
}

extension EventLoop {
    var network: LoopNetwork { component() }
}
