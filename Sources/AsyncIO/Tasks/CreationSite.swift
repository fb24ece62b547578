/// Where in the program something was made.
///
/// Twelve bytes, since every task has one.
public struct CreationSite: Sendable, CustomStringConvertible {
    @usableFromInline let file: LiteralText

    @usableFromInline let storedLine: UInt32

    /// Module and file, as `#fileID` spells them.
    public var fileID: String { file.description }

    public var line: UInt { UInt(storedLine) }

    @inlinable
    public init(fileID: StaticString, line: UInt) {
        file = LiteralText(fileID)
        storedLine = UInt32(clamping: line)
    }

    public var description: String { "\(file):\(line)" }
}

/// A literal of the program's text, in the one word that its address takes: StaticString
/// takes three.
@safe
@usableFromInline
struct LiteralText: @unchecked Sendable, CustomStringConvertible {
    // SAFETY: a literal lies in the program's own memory, which stays, and ends with a zero.
    @usableFromInline let start: UnsafePointer<UInt8>

    @inlinable
    init(_ text: StaticString) {
        // A literal of one character may be told as that character, without an address.
        unsafe start = text.hasPointerRepresentation ? text.utf8Start : ("?" as StaticString).utf8Start
    }

    @usableFromInline
    var description: String { unsafe String(cString: start) }
}
