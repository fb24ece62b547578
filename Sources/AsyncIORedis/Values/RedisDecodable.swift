/// A type that a ``RedisValue`` can be converted to.
public protocol RedisDecodable {
    /// Converts a value.
    ///
    /// - Throws: ``RedisTypeError`` if the value does not have the expected type.
    init(redis value: RedisValue) throws
}

extension RedisValue: RedisDecodable {
    /// Returns the value itself.
    public init(redis value: RedisValue) { self = value }
}

extension String: RedisDecodable {
    /// Converts a string in UTF-8.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type.
    public init(redis value: RedisValue) throws { self = try value.string }
}

extension Int: RedisDecodable {
    /// Converts an integer, or a string that contains an integer in decimal.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type.
    public init(redis value: RedisValue) throws { self = try value.integer }
}

extension Double: RedisDecodable {
    /// Converts a number, or a string that contains a number in decimal.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type.
    public init(redis value: RedisValue) throws { self = try value.double }
}

extension Bool: RedisDecodable {
    /// Converts a Boolean, or the numbers 0 and 1.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type.
    public init(redis value: RedisValue) throws { self = try value.boolean }
}

extension UInt8: RedisDecodable {
    /// Converts an integer from 0 to 255.
    ///
    /// - Throws: ``RedisTypeError`` if the value is not an integer from 0 to 255.
    public init(redis value: RedisValue) throws {
        guard let byte = UInt8(exactly: try value.integer) else { throw value.mismatch("an integer from 0 to 255") }
        self = byte
    }
}

extension Optional: RedisDecodable where Wrapped: RedisDecodable {
    /// Converts a value that can be null.
    ///
    /// - Throws: The errors that occur when the value is converted to `Wrapped`.
    public init(redis value: RedisValue) throws { self = value.isNull ? nil : try Wrapped(redis: value) }
}

extension Array: RedisDecodable where Element: RedisDecodable {
    /// Converts an array or a set. A string can also be converted to an array of bytes.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type; the errors that occur when an element is converted.
    public init(redis value: RedisValue) throws {
        if Element.self == UInt8.self, let bytes = try? value.bytes, let same = bytes as? [Element] {
            self = same
        } else {
            self = try value.array.map { try Element(redis: $0) }
        }
    }
}

extension Set: RedisDecodable where Element: RedisDecodable {
    /// Converts a set or an array.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type; the errors that occur when an element is converted.
    public init(redis value: RedisValue) throws { self = Set(try value.array.map { try Element(redis: $0) }) }
}

extension Dictionary: RedisDecodable where Key: RedisDecodable, Value: RedisDecodable {
    /// Converts a map, or an array of alternating keys and values. If a key occurs more than once, its last value is
    /// used.
    ///
    /// - Throws: ``RedisTypeError`` if the value has another type, or if a key or a value cannot be converted.
    public init(redis value: RedisValue) throws {
        self = Dictionary(
            try value.map.map { (try Key(redis: $0.key), try Value(redis: $0.value)) }, uniquingKeysWith: { $1 })
    }
}
