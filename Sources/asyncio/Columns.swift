// Measures and formats text in terminal columns.

extension Character {
    /// The number of columns that a terminal uses for the character: 2 for Chinese, Japanese, and Korean
    /// characters and for most emoji.
    fileprivate var columns: Int {
        unicodeScalars.contains { scalar in
            scalar.properties.isEmojiPresentation || Self.wide.contains { $0.contains(scalar.value) }
        } ? 2 : 1
    }

    /// The scalars that Unicode's East Asian Width calls wide or fullwidth, except for emoji.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]
}

extension String {
    var columns: Int { reduce(0) { $0 + $1.columns } }

    /// Returns as many characters from the beginning as fit into `width` columns.
    func cut(_ width: Int) -> String {
        var used = 0
        return String(
            prefix { character in
                used += character.columns
                return used <= width
            })
    }

    /// Returns the string, padded with trailing spaces to `width` columns, or truncated if it is longer.
    func padded(to width: Int) -> String {
        let text = columns <= width ? self : width > 1 ? cut(width - 1) + "…" : cut(width)
        return text + String(repeating: " ", count: max(0, width - text.columns))
    }

    /// Returns the string, padded with leading spaces to `width` columns.
    func paddedLeft(to width: Int) -> String { String(repeating: " ", count: max(0, width - columns)) + self }
}
