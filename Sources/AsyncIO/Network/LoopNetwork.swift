/// The state that the sockets and pipes of a loop share. Use this type only on the loop's thread.
final class LoopNetwork: LoopComponent {
    /// The memory into which all connections receive bytes, so that an idle connection needs no buffer.
    let receiveBuffer = ReceiveBuffer()

    /// The simulated network below the connections, or nil for the system's network.
    var stack: (any NetworkStack)?

    // The traffic so far.
    @safe @exclusivity(unchecked) var connections = 0
    @safe @exclusivity(unchecked) var received = 0
    @safe @exclusivity(unchecked) var sent = 0

    /// The number of name lookups for which tasks are waiting. When the loop ends, it waits for other work on threads,
    /// but not for name lookups.
    var lookups = 0

    override var isBusy: Bool { lookups > 0 }
}

extension EventLoop {
    var network: LoopNetwork { component() }
}
