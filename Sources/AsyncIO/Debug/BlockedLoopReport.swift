/// The event loop has not turned for a while: something in it computes, or blocks its thread.
public struct BlockedLoopReport: Sendable, CustomStringConvertible {
    /// The task that runs; nil if it is a callback, or other code than a task's.
    public let task: String?
    /// Where the task was created.
    public let created: CreationSite?
    /// For how long, at least.
    public let duration: Duration
    /// Where the loop's thread is, innermost first: the program's own functions. Empty if
    /// that could not be found out.
    public let stack: [CallGraphFrame]

    public var description: String {
        let subject = task.map { "Task \"\($0)\"" } ?? "a callback"
        let place = stack.first.map { " at \($0.location)" } ?? ""
        return "The event loop has been blocked for \(duration.inWords): \(subject) is running\(place)"
    }
}
