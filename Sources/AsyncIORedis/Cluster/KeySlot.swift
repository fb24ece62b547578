/// The cluster slot that a key belongs to.
struct KeySlot: Hashable {
    static let count = 16_384

    let number: Int

    /// - Complexity: O(*n*), where *n* is the length of the key.
    init(of key: some Collection<UInt8>) {
        var hashed = key[...]
        // If the key has a hash tag, only the tag determines the slot. The tag is the text between the first { and the
        // next }, unless that text is empty.
        if let open = key.firstIndex(of: 0x7B) {
            let rest = key[key.index(after: open)...]
            if let close = rest.firstIndex(of: 0x7D), close != rest.startIndex { hashed = rest[..<close] }
        }
        number = Int(Self.checksum(hashed)) % Self.count
    }

    /// Returns the CRC-16 checksum with the polynomial 0x1021, as in XMODEM.
    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { $0 << 8 ^ table[Int($0 >> 8) ^ Int($1)] }
    }

    private static let table: [UInt16] = (0..<256).map { byte in
        (0..<8).reduce(UInt16(byte) << 8) { crc, _ in crc & 0x8000 == 0 ? crc << 1 : crc << 1 ^ 0x1021 }
    }

    /// Returns the common slot of several keys, or nil if there are no keys.
    ///
    /// - Throws: ``RedisError`` with the code `CROSSSLOT` if the keys are in different slots.
    static func common(of keys: [[UInt8]]) throws(RedisError) -> KeySlot? {
        guard let first = keys.first else { return nil }
        let slot = KeySlot(of: first)
        for key in keys {
            let other = KeySlot(of: key)
            guard other == slot else {
                func shown(_ key: [UInt8]) -> String { String(decoding: key.prefix(100), as: UTF8.self) }
                throw RedisError(
                    "CROSSSLOT the keys of the command are in different slots: \(shown(first)) in \(slot.number), "
                        + "\(shown(key)) in \(other.number). Give them a hash tag: a common part in braces, as in "
                        + "{user:1}:name and {user:1}:age")
            }
        }
        return slot
    }
}
