/// A value that a server sends: the reply to a command, or part of a reply.
///
/// Use the typed accessors to read the value. They throw a ``RedisTypeError`` if the value is of another kind:
///
/// ```swift
/// let name = try await redis.send("GET", "name").string
/// let ages = try await redis.send("HGETALL", "ages").decode(as: [String: Int].self)
/// ```
///
/// A server that speaks only RESP2 sends integers for Booleans, bulk strings for doubles, and arrays for maps and sets.
/// The accessors accept both forms.
///
/// redis-py: the Python objects that a reply is converted to.
public enum RedisValue: Sendable, Hashable {
    /// No value: a missing key, or a transaction that was not executed.
    case null
    /// A RESP3 Boolean.
    case boolean(Bool)
    /// An integer.
    case integer(Int)
    /// A RESP3 floating-point number.
    case double(Double)
    /// A RESP3 integer with any number of digits, in decimal.
    case bigNumber(String)
    /// A short string without line breaks, such as `OK`.
    case simpleString(String)
    /// Any bytes.
    case bulkString([UInt8])
    /// An error within an array. If the whole reply to a command is an error, the error is thrown instead.
    case error(RedisError)
    /// Values in order.
    case array([RedisValue])
    /// Keys and their values, in the order in which the server sent them.
    case map([RedisPair])
    /// Distinct values, in the order in which the server sent them.
    case set([RedisValue])
    /// A message that is not a reply.
    case push([RedisValue])
    /// Text with an indication of its format.
    case verbatim(RedisVerbatim)
}

/// A key of a map and its value; see ``RedisValue/map(_:)``.
public struct RedisPair: Sendable, Hashable {
    /// The key.
    public var key: RedisValue
    /// The value.
    public var value: RedisValue

    /// Creates a pair.
    public init(key: RedisValue, value: RedisValue) {
        self.key = key
        self.value = value
    }
}

/// Text with an indication of its format; see ``RedisValue/verbatim(_:)``.
public struct RedisVerbatim: Sendable, Hashable {
    /// The format, a colon, and the text.
    let storage: [UInt8]

    /// - Parameter storage: At least four bytes, the fourth of which is a colon.
    init(storage: [UInt8]) { self.storage = storage }

    /// Creates text with a format.
    ///
    /// - Parameters:
    ///   - format: Three ASCII characters: `txt` for plain text, `mkd` for Markdown.
    ///   - bytes: The text.
    /// - Precondition: `format` has three bytes.
    public init(format: String, bytes: [UInt8]) {
        precondition(format.utf8.count == 3, "a format has three bytes, got \(format)")
        storage = Array(format.utf8) + [0x3A] + bytes
    }

    /// The format, which has three characters: `txt` for plain text, `mkd` for Markdown.
    public var format: String { String(decoding: storage.prefix(3), as: UTF8.self) }
    /// The text.
    public var bytes: [UInt8] { Array(storage.dropFirst(4)) }
}
