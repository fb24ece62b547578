/// What the sockets and pipes of a loop share. Loop thread only.
final class LoopNetwork: LoopComponent {
    /// The memory that every connection receives into, so that an idle one needs none.
    let receiveBuffer = ReceiveBuffer()

    /// What is below the connections, if it is not the system.
    var stack: (any NetworkStack)?

    // The traffic so far.
    @safe @exclusivity(unchecked) var connections = 0
    @safe @exclusivity(unchecked) var received = 0
    @safe @exclusivity(unchecked) var sent = 0

    /// The number of name lookups that tasks wait for. Unlike other work on threads, the end of the loop does
    /// not wait for them.
    var lookups = 0

    override var isBusy: Bool { lookups > 0 }
}

extension EventLoop {
    var network: LoopNetwork { component() }
}
