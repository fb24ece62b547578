/// An error thrown when supervised tasks have failed too often.
public struct SupervisionError: Error, CustomStringConvertible {
    /// The name of the task that failed last.
    public let name: String
    /// The maximum number of restarts in ``period``.
    public let restarts: Int
    /// The period in which restarts were counted.
    public let period: Duration
    /// The error of the task that failed last, or `nil` if the task returned.
    public let underlyingError: (any Error)?

    /// A description of the error.
    public var description: String {
        "\(name) needed more than \(restarts) restarts within \(period)"
            + (underlyingError.map { "; the last error was: \($0)" } ?? "")
    }
}
