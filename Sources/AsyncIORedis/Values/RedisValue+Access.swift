// Typed access. Each accessor accepts every form in which RESP2 or RESP3 sends the type.

extension RedisValue {
    /// Whether this is ``null``.
    public var isNull: Bool {
        if case .null = self { return true }
        return false
    }

    /// The bytes of a string.
    ///
    /// - Throws: ``RedisTypeError`` if the value is not a string.
    public var bytes: [UInt8] {
        get throws {
            switch self {
            case .bulkString(let bytes): return bytes
            case .simpleString(let text), .bigNumber(let text): return Array(text.utf8)
            case .verbatim(let text): return text.bytes
            default: throw mismatch("a string")
            }
        }
    }

    /// The text of a string.
    ///
    /// - Throws: ``RedisTypeError`` if the value is not a string, or is not valid UTF-8.
    public var string: String {
        get throws {
            switch self {
            case .simpleString(let text), .bigNumber(let text): return text
            case .bulkString(let bytes):
                guard let text = String(validating: bytes, as: UTF8.self) else { throw mismatch("text in UTF-8") }
                return text
            case .verbatim(let verbatim):
                guard let text = String(validating: verbatim.bytes, as: UTF8.self) else {
                    throw mismatch("text in UTF-8")
                }
                return text
            default: throw mismatch("a string")
            }
        }
    }

    /// The integer. The value can also be a string that contains an integer in decimal.
    ///
    /// - Throws: ``RedisTypeError`` if the value is not an integer, or does not fit in an `Int`.
    public var integer: Int {
        get throws {
            switch self {
            case .integer(let number): return number
            case .boolean(let flag): return flag ? 1 : 0
            case .bulkString, .simpleString, .bigNumber:
                if let text = try? string, let number = Int(text) { return number }
                throw mismatch("an integer")
            default: throw mismatch("an integer")
            }
        }
    }

    /// The number. The value can also be an integer, or a string that contains a number in decimal.
    ///
    /// - Throws: ``RedisTypeError`` if the value is not a number.
    public var double: Double {
        get throws {
            switch self {
            case .double(let number): return number
            case .integer(let number): return Double(number)
            case .bulkString, .simpleString, .bigNumber:
                if let text = try? string, let number = Double(text) { return number }
                throw mismatch("a number")
            default: throw mismatch("a number")
            }
        }
    }

    /// The Boolean, which is 0 or 1 in RESP2.
    ///
    /// - Throws: ``RedisTypeError`` if the value is neither a Boolean nor 0 or 1.
    public var boolean: Bool {
        get throws {
            switch self {
            case .boolean(let flag): return flag
            case .integer(0): return false
            case .integer(1): return true
            default: throw mismatch("a Boolean")
            }
        }
    }

    /// The elements of an array, a set, or a push. The value ``null`` does not count as an empty array.
    ///
    /// - Throws: ``RedisTypeError`` if the value is of another kind.
    public var array: [RedisValue] {
        get throws {
            switch self {
            case .array(let values), .set(let values), .push(let values): return values
            default: throw mismatch("an array")
            }
        }
    }

    /// The pairs of a map, which is an array of keys and values in RESP2.
    ///
    /// - Throws: ``RedisTypeError`` if the value is of another kind.
    public var map: [RedisPair] {
        get throws {
            switch self {
            case .map(let pairs): return pairs
            case .array(let values) where values.count.isMultiple(of: 2):
                return stride(from: 0, to: values.count, by: 2).map {
                    RedisPair(key: values[$0], value: values[$0 + 1])
                }
            default: throw mismatch("a map")
            }
        }
    }

    /// Returns the value for a key of a map, or `nil` if the map does not have the key.
    ///
    /// - Throws: ``RedisTypeError`` if this is not a map.
    /// - Complexity: O(*n*), where *n* is the number of pairs.
    public func value(for key: String) throws -> RedisValue? {
        let bytes = Array(key.utf8)
        return try map.first { (try? $0.key.bytes) == bytes }?.value
    }

    /// Converts the value to a type that the caller expects: a string, bytes, a number, a Boolean, an optional, an
    /// array, a set, or a dictionary of these, or your own ``RedisDecodable`` type.
    ///
    /// - Throws: ``RedisTypeError`` if the value is of another kind.
    public func decode<T: RedisDecodable>(as type: T.Type = T.self) throws -> T { try T(redis: self) }

    /// Returns the error for a value of an unexpected kind.
    func mismatch(_ expected: String) -> RedisTypeError { RedisTypeError(expected: expected, value: self) }
}

extension RedisValue: CustomStringConvertible {
    /// The value as text, with strings in quotation marks and elements in brackets. Long values are shortened.
    public var description: String {
        switch self {
        case .null: "null"
        case .boolean(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .double(let number): "\(number)"
        case .bigNumber(let text): text
        case .simpleString(let text): Self.quoted(Array(text.utf8))
        case .bulkString(let bytes): Self.quoted(bytes)
        case .error(let error): "error \(error)"
        case .array(let values): Self.listed(values.count) { values[$0].description }
        case .set(let values): "set " + Self.listed(values.count) { values[$0].description }
        case .push(let values): "push " + Self.listed(values.count) { values[$0].description }
        case .map(let pairs): "map " + Self.listed(pairs.count) { "\(pairs[$0].key): \(pairs[$0].value)" }
        case .verbatim(let text): Self.quoted(text.bytes)
        }
    }

    private static func quoted(_ bytes: [UInt8]) -> String {
        if bytes.count <= 100 { return String(decoding: bytes, as: UTF8.self).debugDescription }
        return String(decoding: bytes.prefix(80), as: UTF8.self).debugDescription + "… (\(bytes.count) bytes)"
    }

    private static func listed(_ count: Int, _ element: (Int) -> String) -> String {
        let shown = (0..<min(count, 20)).map(element).joined(separator: ", ")
        return count > 20 ? "[\(shown), … (\(count) elements)]" : "[\(shown)]"
    }

    /// The kind of the value, for messages.
    var kind: String {
        switch self {
        case .null: "null"
        case .boolean: "a Boolean"
        case .integer: "an integer"
        case .double: "a double"
        case .bigNumber: "a big number"
        case .simpleString: "a simple string"
        case .bulkString: "a bulk string"
        case .error: "an error"
        case .array: "an array"
        case .map: "a map"
        case .set: "a set"
        case .push: "a push"
        case .verbatim: "a verbatim string"
        }
    }
}
