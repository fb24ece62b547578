/// The latest events of a run, and a digest of all events.
struct NetworkTrace {
    private var latest: [NetworkEvent] = []
    private var oldest = 0
    /// The number of events so far.
    private(set) var count = 0
    /// The FNV-1a hash of the events' content.
    private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
    /// The maximum number of stored events.
    private static let capacity = 20_000

    mutating func add(_ event: NetworkEvent) {
        count += 1
        mix(UInt64(bitPattern: Int64(event.time / .nanoseconds(1))))
        mix(UInt64(event.connection) << 32 ^ UInt64(event.count))
        for byte in event.kind.rawValue.utf8 { mix(UInt64(byte)) }
        for byte in event.host.utf8 { mix(UInt64(byte)) }
        if let peer = event.peer { for byte in peer.utf8 { mix(UInt64(byte)) } }
        for byte in event.content { mix(UInt64(byte)) }
        if latest.count < Self.capacity {
            latest.append(event)
        } else {
            latest[oldest] = event
            oldest = (oldest + 1) % latest.count
        }
    }

    private mutating func mix(_ value: UInt64) { digest = (digest ^ value) &* 0x0000_0100_0000_01b3 }

    /// The stored events, oldest first.
    var events: [NetworkEvent] { Array(latest[oldest...] + latest[..<oldest]) }
}
