// Finds the keys among the arguments of a command.

extension RedisCommand {
    /// The positions of a command's keys.
    private enum Keys {
        /// The command has no keys.
        case none
        /// Every `step`-th argument from `first` through `last` is a key. If `last` is negative, it counts from the
        /// end.
        case at(first: Int, last: Int, step: Int)
        /// The argument at position `count` is the number of keys, and the keys follow it. If `also` is not nil, the
        /// argument at that position is another key.
        case counted(count: Int, also: Int?)
        /// The keys are the first half of the arguments after the word STREAMS.
        case streams
    }

    private static let table: [String: Keys] = {
        var table: [String: Keys] = [:]
        func add(_ keys: Keys, _ names: String) {
            for name in names.split(separator: " ") { table[String(name)] = keys }
        }
        add(
            .none,
            "ACL ASKING AUTH BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE DEBUG DISCARD ECHO EXEC FAILOVER "
                + "FLUSHALL FLUSHDB FUNCTION HELLO INFO KEYS LASTSAVE LATENCY LOLWUT MODULE MONITOR MULTI PING "
                + "PSUBSCRIBE PUBSUB PUNSUBSCRIBE PUBLISH QUIT RANDOMKEY READONLY READWRITE REPLICAOF RESET ROLE SAVE "
                + "SCAN SCRIPT SELECT SHUTDOWN SLAVEOF SLOWLOG SUBSCRIBE SWAPDB TIME UNSUBSCRIBE UNWATCH WAIT WAITAOF")
        add(
            .at(first: 1, last: -1, step: 1),
            "DEL EXISTS MGET PFCOUNT PFMERGE SDIFF SDIFFSTORE SINTER SINTERSTORE SUNION SUNIONSTORE TOUCH UNLINK WATCH")
        add(.at(first: 1, last: -1, step: 2), "MSET MSETNX")
        add(.at(first: 1, last: -2, step: 1), "BLPOP BRPOP BZPOPMAX BZPOPMIN")
        add(
            .at(first: 1, last: 2, step: 1),
            "BLMOVE BRPOPLPUSH COPY GEOSEARCHSTORE LCS LMOVE RENAME RENAMENX RPOPLPUSH SMOVE ZRANGESTORE")
        add(.at(first: 2, last: 2, step: 1), "OBJECT XGROUP XINFO MEMORY")
        add(.at(first: 2, last: -1, step: 1), "BITOP")
        add(.counted(count: 2, also: nil), "EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO BLMPOP BZMPOP")
        add(.counted(count: 1, also: nil), "ZUNION ZINTER ZDIFF SINTERCARD ZINTERCARD LMPOP ZMPOP")
        add(.counted(count: 2, also: 1), "ZUNIONSTORE ZINTERSTORE ZDIFFSTORE")
        add(.streams, "XREAD XREADGROUP")
        return table
    }()

    /// The keys of the command. If the command is unknown, its first argument is assumed to be the only key, which is
    /// correct for most commands.
    ///
    /// - Complexity: O(*n*), where *n* is the number of bytes.
    var keys: [[UInt8]] {
        let words = self.words
        guard words.count > 1 else { return [] }
        switch Self.table[name] ?? .at(first: 1, last: 1, step: 1) {
        case .none: return []
        case .at(let first, let last, let step):
            let end = min(words.count - 1, last < 0 ? words.count + last : last)
            guard first <= end else { return [] }
            return stride(from: first, through: end, by: step).map { words[$0] }
        case .counted(let count, let also):
            guard count < words.count, let number = Int(String(decoding: words[count], as: UTF8.self)), number >= 0
            else { return [] }
            return (also.map { [words[$0]] } ?? []) + words[(count + 1)...].prefix(number)
        case .streams:
            let word = words.firstIndex { String(decoding: $0, as: UTF8.self).uppercased() == "STREAMS" }
            let rest = word.map { words[($0 + 1)...] } ?? []
            return Array(rest.prefix(rest.count / 2))
        }
    }
}
