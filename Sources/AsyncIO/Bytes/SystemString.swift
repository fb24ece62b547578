internal import AsyncIOSystem
public import SystemPackage

/// A string for the operating system, such as a file name, a process argument, or an environment variable.
///
/// On Linux, these strings can contain any byte except zero. Most of them are valid UTF-8, so a `String` is usually
/// sufficient. Use `SystemString` if a string may not be valid UTF-8, or if your code must preserve every byte. Two
/// strings are equal if their bytes are equal.
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
    /// Functions that take a `SystemString` throw an error if the string contains a zero byte.
    ///
    /// - Complexity: O(*n*), where *n* is the number of bytes.
    public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// Creates a string from text, encoded as UTF-8.
    ///
    /// - Complexity: O(*n*), where *n* is the length of the text.
    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// Creates a string from the bytes of a path.
    ///
    /// - Complexity: O(*n*), where *n* is the length of the path.
    public init(_ path: FilePath) { bytes = path.bytes }

    /// Creates a string from a string literal, encoded as UTF-8.
    public init(stringLiteral value: String) { self.init(value) }

    /// The string as text. Bytes that are not valid UTF-8 are replaced with U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// A type that can be passed as a file name or as another string for the operating system: `String`, `Substring`,
/// `FilePath`, or ``SystemString``.
public protocol SystemStringConvertible: Sendable {
    /// The bytes to pass to the operating system.
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
    /// Returns the bytes with a terminating zero.
    ///
    /// - Parameter what: A noun that describes the string in the error message.
    func terminated(_ what: StaticString) throws(ValueError) -> [CChar] {
        if bytes.contains(0) {
            throw ValueError("\(what) must not contain a zero byte, got \(description.debugDescription)")
        }
        return Array(terminating: bytes)
    }
}
