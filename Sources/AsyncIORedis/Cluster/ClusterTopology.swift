internal import AsyncIO

/// The assignment of slots to servers.
struct ClusterTopology {
    /// For each slot, the index of its server in `masters`, or -1 if no server has the slot.
    private(set) var slots = [Int16](repeating: -1, count: KeySlot.count)
    private(set) var masters: [RedisConfiguration.Address] = []

    /// - Parameters:
    ///   - reply: The reply to `CLUSTER SLOTS`.
    ///   - host: The host that sent the reply. The reply may omit the name of this host.
    /// - Throws: ``RedisTypeError`` if the reply does not have the expected form.
    init(_ reply: RedisValue, askedFrom host: String) throws {
        for range in try reply.array {
            let parts = try range.array
            guard parts.count >= 3 else { throw range.mismatch("a range of slots") }
            let (first, last) = (try parts[0].integer, try parts[1].integer)
            let node = try parts[2].array
            guard 0...last ~= first, last < KeySlot.count, node.count >= 2 else {
                throw range.mismatch("a range of slots")
            }
            let name = node[0].isNull ? "" : try node[0].string
            let address = RedisConfiguration.Address(
                host: name.isEmpty || name == "?" ? host : name, port: try node[1].integer)
            let index = masters.firstIndex(of: address) ?? masters.count
            if index == masters.count { masters.append(address) }
            for slot in first...last { slots[slot] = Int16(index) }
        }
    }

    func master(of slot: KeySlot) -> RedisConfiguration.Address? {
        let index = slots[slot.number]
        return index < 0 ? nil : masters[Int(index)]
    }

    /// Records that a slot has moved.
    mutating func move(_ slot: KeySlot, to address: RedisConfiguration.Address) {
        let index = masters.firstIndex(of: address) ?? masters.count
        if index == masters.count { masters.append(address) }
        slots[slot.number] = Int16(index)
    }
}

/// A cluster server's reply to a command whose key is on another server, such as `MOVED 3999 127.0.0.1:6381`.
struct ClusterRedirection {
    let isPermanent: Bool
    let slot: Int
    /// The server. An empty host stands for the server that sent the reply.
    let address: RedisConfiguration.Address

    init?(_ error: RedisError) {
        let words = error.text.split(separator: " ")
        guard words.count >= 3, words[0] == "MOVED" || words[0] == "ASK", let slot = Int(words[1]),
            0..<KeySlot.count ~= slot, let colon = words[2].lastIndex(of: ":"),
            let port = Int(words[2][words[2].index(after: colon)...])
        else { return nil }
        isPermanent = words[0] == "MOVED"
        self.slot = slot
        address = RedisConfiguration.Address(host: String(words[2][..<colon]), port: port)
    }
}
