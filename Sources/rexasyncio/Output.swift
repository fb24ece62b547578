/// Where the program prints.
nonisolated enum Output {
    /// Receives what is printed, with the terminators. If it is nil, which it is except in tests,
    /// standard output does.
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
