/// Adds the colors of a terminal to Swift code.
///
/// The highlighter recognizes only the parts of the language that the examples use. For example, a comment or a string
/// literal must end on the line where it begins.
nonisolated enum SwiftHighlighter {
    enum Color: String {
        case comment = "\u{1B}[90m"
        case keyword = "\u{1B}[35m"
        case number = "\u{1B}[36m"
        case string = "\u{1B}[32m"
        case type = "\u{1B}[34m"
    }

    /// The sequence that ends a color.
    private static let end = "\u{1B}[0m"

    /// Returns a line of code with its colors.
    static func highlight(_ line: Substring) -> String {
        var rest = line
        var result = ""
        while let first = rest.first {
            if rest.hasPrefix("//") {
                result += color(rest, .comment)
                break
            }
            if first == "\"" {
                result += literal(&rest)
            } else if first.isLetter || first == "_" || first == "@" || first == "#" {
                let word = rest.prefix(1) + rest.dropFirst().prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                rest = rest.dropFirst(word.count)
                result += color(word, kind(of: word, isMember: result.hasSuffix(".")))
            } else if first.isNumber {
                let number = rest.prefix { $0.isNumber || $0 == "_" }
                rest = rest.dropFirst(number.count)
                result += color(number, .number)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }

    /// Takes a string literal from the beginning of `rest`, and colors its text as text and its interpolations as code.
    private static func literal(_ rest: inout Substring) -> String {
        var result = ""
        var text = rest.prefix(1)
        rest = rest.dropFirst()
        while let first = rest.first {
            if rest.hasPrefix("\\(") {
                let code = interpolation(rest.dropFirst())
                result += color(text + "\\(", .string) + highlight(code.dropFirst().dropLast())
                rest = rest.dropFirst(1 + code.count)
                text = ")"
                continue
            }
            let length = first == "\\" ? 2 : 1
            text += rest.prefix(length)
            rest = rest.dropFirst(length)
            if first == "\"" { break }
        }
        return result + color(text, .string)
    }

    /// Returns the beginning of the code, from the opening parenthesis through the matching closing parenthesis.
    private static func interpolation(_ code: Substring) -> Substring {
        var depth = 0
        for index in code.indices {
            if code[index] == "(" { depth += 1 }
            if code[index] == ")" { depth -= 1 }
            if depth == 0 { return code[...index] }
        }
        return code
    }

    private static func kind(of word: Substring, isMember: Bool) -> Color? {
        if word.first == "@" || word.first == "#" { return .keyword }
        if keywords.contains(word), !isMember { return .keyword }
        return word.first?.isUppercase == true ? .type : nil
    }

    private static func color(_ text: Substring, _ color: Color?) -> String {
        guard let color else { return String(text) }
        return color.rawValue + text + end
    }

    private static let keywords = Set(
        """
        actor as async await break case catch class continue defer do else enum extension false final for func guard if \
        import in init inout is let nil nonisolated private protocol return self static struct switch throw throws true \
        try var where while
        """.split(separator: " "))
}
