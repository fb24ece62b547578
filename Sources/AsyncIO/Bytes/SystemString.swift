internal import AsyncIOSystem
public import SystemPackage

/// A string of the operating system, such as the name of a file, or an argument or environment variable of a process.
///
/// Linux accepts any bytes except zero in such a string. Most of these strings are valid UTF-8, and a `String` is
/// sufficient for them. Use this type for strings that are not valid UTF-8, or if your code must preserve every byte.
/// Two strings are equal if their bytes are equal.
///
/// ```swift
/// let name = SystemString(bytes: [0x66, 0xFC, 0x72])       // "für" in Latin-1
/// let text = try await readText(name)
/// ```
///
/// Python: `bytes` in place of a path or an argument; the result of `os.fsencode`.
public struct SystemString: Sendable, Hashable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// The bytes of the string, without a terminating zero.
    public let bytes: [UInt8]

    /// Creates a string from bytes.
    ///
    /// Functions that take the string throw an error if one of the bytes is zero.
    ///
    /// - Complexity: O(*n*) in the number of bytes.
    public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// Creates a string from text, encoded as UTF-8.
    ///
    /// - Complexity: O(*n*) in the length of the text.
    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// Creates a string from the bytes of a path.
    ///
    /// - Complexity: O(*n*) in the length of the path.
    public init(_ path: FilePath) { bytes = path.bytes }

    /// Creates a string from a string literal, encoded as UTF-8.
    public init(stringLiteral value: String) { self.init(value) }

    /// The string as text. Bytes that are not UTF-8 are replaced by U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// A type that can be passed as the name of a file or as another string of the operating system: `String`, `Substring`,
/// `FilePath`, or ``SystemString``.
public protocol SystemStringConvertible: Sendable {
    /// The bytes to pass to the system.
    var systemString: SystemString { get }
}

extension SystemString: SystemStringConvertible {
    /// The string itself.
    public var systemString: SystemString { self }
}

extension String: SystemStringConvertible {
    /// The text as UTF-8.
    public var systemString: SystemString { SystemString(self) }
}

extension Substring: SystemStringConvertible {
    /// The text as UTF-8.
    public var systemString: SystemString { SystemString(self) }
}

extension FilePath: SystemStringConvertible {
    /// The bytes of the path.
    public var systemString: SystemString { SystemString(self) }
}

extension SystemString {
    /// The bytes with a terminating zero, for the system.
    ///
    /// - Parameter what: The noun for the string in the error message.
    func terminated(_ what: StaticString) throws(ValueError) -> [CChar] {
        if bytes.contains(0) {
            throw ValueError("\(what) must not contain a zero byte, got \(description.debugDescription)")
        }
        return Array(terminating: bytes)
    }
}
