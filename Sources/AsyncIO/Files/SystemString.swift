internal import AsyncIOSystem
public import SystemPackage

/// A text of the operating system: the name of a file, an argument or a variable of a process.
///
/// Linux takes any bytes but a zero for such a text. Most are UTF-8, and a `String` does for them;
/// this type is for those that are not, and for code that must not change a byte of what it was
/// given. Two are equal if their bytes are.
///
/// ```swift
/// let name = SystemString(bytes: [0x66, 0xFC, 0x72])       // "für" in Latin-1
/// let text = try await readText(name)
/// ```
///
/// Python: `bytes` where a path or an argument is asked for, and what `os.fsencode` returns.
public struct SystemString: Sendable, Hashable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// The text's bytes, without a zero at their end.
    public let bytes: [UInt8]

    /// A text of these bytes.
    ///
    /// A zero among them is refused by whatever the text is handed to.
    public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// A text in UTF-8.
    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// The path's text.
    public init(_ path: FilePath) { bytes = path.bytes }

    public init(stringLiteral value: String) { self.init(value) }

    /// The text, in which bytes that are not UTF-8 are replaced by U+FFFD.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// What can be a file's name, or another text of the operating system: a `String`, a `FilePath`, a
/// ``SystemString``.
public protocol SystemStringConvertible {
    /// The bytes that the system is given.
    var systemString: SystemString { get }
}

extension SystemString: SystemStringConvertible {
    public var systemString: SystemString { self }
}

extension String: SystemStringConvertible {
    public var systemString: SystemString { SystemString(self) }
}

extension Substring: SystemStringConvertible {
    public var systemString: SystemString { SystemString(self) }
}

extension FilePath: SystemStringConvertible {
    public var systemString: SystemString { SystemString(self) }
}

extension SystemString {
    /// For the system: bytes and a zero.
    ///
    /// - Parameter what: names the text in the error.
    func terminated(_ what: StaticString) throws(ValueError) -> [CChar] {
        if bytes.contains(0) {
            throw ValueError("\(what) has no zero byte, but this has: \(description.debugDescription)")
        }
        return Array(terminating: bytes)
    }
}
