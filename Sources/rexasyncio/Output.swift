/// The destination of the program's output.
nonisolated enum Output {
    /// A closure that receives the printed text, including the terminators. If this is nil, the text goes to standard
    /// output. It is nil except in tests.
    @TaskLocal static var recorder: (@MainActor @Sendable (String) -> Void)?
}

/// Prints like Swift's own `print`. In this module, this function hides Swift's own function, so that tests can record
/// the output of the examples.
func print(_ items: Any..., separator: String = " ", terminator: String = "\n") {
    let text = items.map { "\($0)" }.joined(separator: separator)
    if let recorder = Output.recorder {
        recorder(text + terminator)
    } else {
        Swift.print(text, terminator: terminator)
    }
}
