/// Ten programs, written with the conveniences of the library.
enum Short {}

/// The same ten programs, written with what the library had before its conveniences: streams, servers, queues, locks,
/// tasks, task groups, timeouts, `race`, and `retry`.
enum ByHand {}

/// An error of the programs.
struct ProgramError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
