/// A declaration at the top level of a file.
struct Declaration: Equatable {
    /// The path of the file.
    let file: String
    /// The declaration as it stands in the file, with its comments.
    let text: String
    /// The names that it declares: one, or an extension's members.
    let names: [String]
    let isPrivate: Bool
    let isExample: Bool
    /// The words of its code, in which it mentions other declarations.
    let words: [String]

    /// The declarations of a file. A blank line precedes each of them, and all lines except the first
    /// ones and a closing brace are indented.
    static func all(in source: String, of file: String) -> [Declaration] {
        var texts: [[Substring]] = []
        var blanks = 1
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                blanks += 1
                continue
            }
            if blanks > 0, line.first != " ", line.first != "}" {
                texts.append([])
            } else if blanks > 0 {
                texts[texts.count - 1].append("")
            }
            texts[texts.count - 1].append(line)
            blanks = 0
        }
        return texts.compactMap { Declaration($0, of: file) }
    }

    /// Returns nil if the lines declare nothing, such as imports.
    private init?(_ lines: [Substring], of file: String) {
        let code = lines.filter { !$0.drop(while: { $0 == " " }).hasPrefix("//") }
        let head = code.filter { $0.first != " " }.joined(separator: "\n")
        let isExtension = code.contains { $0.hasPrefix("extension ") }
        let declaring = isExtension ? code.joined(separator: "\n") : head
        let found = declaring.matches(of: /\b(func|struct|class|enum|actor|protocol|typealias|let|var) (\w+)/)
        guard !found.isEmpty else { return nil }
        self.file = file
        text = lines.joined(separator: "\n")
        names = isExtension ? found.map { String($0.output.2) } : [String(found[0].output.2)]
        isPrivate = head.contains(/\b(fileprivate|private)\b/)
        isExample = found[0].output.1 == "func" && names[0].hasSuffix("Example")
        words = code.flatMap { $0.matches(of: /\w+/).map { String($0.output) } }
    }
}
