/// A channel, a pattern, or a sharded channel.
struct PubSubTopic: Hashable {
    enum Kind: CaseIterable {
        case channel, pattern, shard

        var subscribe: String {
            switch self {
            case .channel: "SUBSCRIBE"
            case .pattern: "PSUBSCRIBE"
            case .shard: "SSUBSCRIBE"
            }
        }
        var unsubscribe: String {
            switch self {
            case .channel: "UNSUBSCRIBE"
            case .pattern: "PUNSUBSCRIBE"
            case .shard: "SUNSUBSCRIBE"
            }
        }
    }

    let kind: Kind
    let name: [UInt8]
}

/// A pub/sub message, as the server sends it.
enum PubSubMessage {
    case message(PubSubTopic, RedisMessage)
    case subscribed(PubSubTopic)
    case unsubscribed(PubSubTopic)

    /// The kinds of messages, by the first element of the message.
    private static let kinds: [[UInt8]: (isMessage: Bool, isEnd: Bool, PubSubTopic.Kind)] = [
        Array("message".utf8): (true, false, .channel),
        Array("pmessage".utf8): (true, false, .pattern),
        Array("smessage".utf8): (true, false, .shard),
        Array("subscribe".utf8): (false, false, .channel),
        Array("psubscribe".utf8): (false, false, .pattern),
        Array("ssubscribe".utf8): (false, false, .shard),
        Array("unsubscribe".utf8): (false, true, .channel),
        Array("punsubscribe".utf8): (false, true, .pattern),
        Array("sunsubscribe".utf8): (false, true, .shard),
    ]

    /// Whether an array in RESP2 is a message rather than a reply.
    static func isMessage(_ values: [RedisValue]) -> Bool {
        guard case .bulkString(let kind)? = values.first else { return false }
        return kinds[kind] != nil
    }

    /// Returns nil if the values are not a pub/sub message.
    init?(_ values: [RedisValue]) {
        guard values.count >= 3, let word = try? values[0].bytes, let (isMessage, isEnd, kind) = Self.kinds[word],
            let name = try? values[1].bytes
        else { return nil }
        let topic = PubSubTopic(kind: kind, name: name)
        guard isMessage else {
            self = isEnd ? .unsubscribed(topic) : .subscribed(topic)
            return
        }
        let hasPattern = kind == .pattern
        guard values.count == (hasPattern ? 4 : 3), let payload = try? values[values.count - 1].bytes,
            let channel = try? values[values.count - 2].bytes
        else { return nil }
        self = .message(
            topic,
            RedisMessage(
                channel: String(decoding: channel, as: UTF8.self),
                pattern: hasPattern ? String(decoding: name, as: UTF8.self) : nil, payload: payload))
    }
}

/// A message that was published to a channel.
public struct RedisMessage: Sendable, Hashable {
    /// The channel.
    public let channel: String
    /// The pattern that the channel matched, or `nil` if the subscription is to the channel itself.
    public let pattern: String?
    /// The bytes that were published.
    public let payload: [UInt8]

    /// The bytes as text. Bytes that are not valid UTF-8 are replaced with U+FFFD.
    public var text: String { String(decoding: payload, as: UTF8.self) }
}
