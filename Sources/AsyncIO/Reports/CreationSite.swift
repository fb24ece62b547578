/// The place in the source code where an object was created.
///
/// A site takes only twelve bytes, which matters because every task has a site.
public struct CreationSite: Sendable, CustomStringConvertible {
    @usableFromInline let file: LiteralText

    @usableFromInline let storedLine: UInt32

    /// The module and the file, as in `#fileID`.
    public var fileID: String { file.description }

    /// The line number.
    public var line: UInt { UInt(storedLine) }

    /// Creates a site from the values of `#fileID` and `#line`.
    @inlinable
    public init(fileID: StaticString, line: UInt) {
        file = LiteralText(fileID)
        storedLine = UInt32(clamping: line)
    }

    /// The site as text, such as `Module/File.swift:12`.
    public var description: String { "\(file):\(line)" }
}

/// A string literal of the program, stored as its address in one word. A `StaticString` takes three words.
@safe
@usableFromInline
struct LiteralText: @unchecked Sendable, CustomStringConvertible {
    // SAFETY: a literal is in the program's own memory, which stays valid, and ends with a zero byte.
    @usableFromInline let start: UnsafePointer<UInt8>

    @inlinable
    init(_ text: StaticString) {
        // A StaticString can represent a single character without an address.
        unsafe start = text.hasPointerRepresentation ? text.utf8Start : ("?" as StaticString).utf8Start
    }

    @usableFromInline
    var description: String { unsafe String(cString: start) }
}
