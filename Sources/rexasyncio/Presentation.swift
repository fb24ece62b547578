/// Runs examples, and prints the source of each part after the output of the part.
struct Presentation {
    enum SourceStyle {
        case none
        case plain
        case colored
    }

    let source: SourceStyle

    /// The line that separates two parts.
    static let rule = String(repeating: "-", count: 72)
    /// The indentation of the source.
    static let indentation = String(repeating: " ", count: 8)

    func show(_ examples: [Example]) async throws {
        var isFirst = true
        for example in examples {
            for (index, part) in example.parts.enumerated() {
                if !isFirst { print(Self.rule) }
                isFirst = false
                if index == 0, examples.count > 1 { Terminal.note("# \(example.name)") }
                try await part.run()
                show(part.source)
            }
        }
    }

    private func show(_ text: String) {
        if source == .none { return }
        print()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let shown = source == .colored ? SwiftHighlighter.highlight(line) : String(line)
            print(line.isEmpty ? "" : Self.indentation + shown)
        }
    }
}
