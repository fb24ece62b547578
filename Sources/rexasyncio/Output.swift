/// Where the program prints.
nonisolated enum Output {
    /// Receives the printed text, with the terminators. If it is nil, as always except in tests, the text goes to
    /// standard output.
    @TaskLocal static var recorder: (@MainActor @Sendable (String) -> Void)?
}

/// Prints like Swift's own function, which it hides in this module so that tests can record the
/// output of the examples.
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
    let text = items.map { "\($0)" }.joined(separator: separator)
    if let recorder = Output.recorder {
        recorder(text + terminator)
    } else {
        Swift.print(text, terminator: terminator)
    }
}
