internal import AsyncIO
internal import FoundationEssentials

/// The encoding in which a ``RedisQueue`` stores jobs and results.
///
/// ```swift
/// struct PropertyLists: JobCoding {
///     func encode(_ value: some Encodable) throws -> [UInt8] { Array(try PropertyListEncoder().encode(value)) }
///
///     func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
///         try PropertyListDecoder().decode(type, from: Data(bytes))
///     }
/// }
///
/// let queue = try RedisQueue<Thumbnail>("thumbnails", on: redis, coding: PropertyLists())
/// ```
///
/// All programs that use a queue need the same encoding, or encodings that can decode each other's output.
public protocol JobCoding: Sendable {
    /// Encodes a job or a result.
    ///
    /// - Throws: An error if the value cannot be encoded. `RedisQueue.put` throws the same error.
    func encode(_ value: some Encodable) throws -> [UInt8]

    /// Decodes a job or a result.
    ///
    /// - Throws: An error if the bytes do not represent a value of this type. A job that cannot be decoded becomes a
    ///   dead letter.
    func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value
}

/// The JSON encoding, which a ``RedisQueue`` uses by default.
public struct JSONJobCoding: JobCoding {
    /// Creates the encoding.
    public init() {}

    /// Encodes a value.
    ///
    /// - Throws: `EncodingError` if the value cannot be encoded.
    public func encode(_ value: some Encodable) throws -> [UInt8] { Array(try JSONEncoder().encode(value)) }

    /// Decodes a value.
    ///
    /// - Throws: `DecodingError` if the bytes do not represent a value of this type.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}

extension JobCoding where Self == JSONJobCoding {
    /// The JSON encoding.
    public static var json: JSONJobCoding { JSONJobCoding() }
}
