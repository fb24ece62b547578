/// A report about an event loop that is not making progress because its code is computing or is blocking the thread.
public struct BlockedLoopReport: Sendable, CustomStringConvertible {
    /// The name of the loop; see ``EventLoop/name``.
    public let loop: String
    /// Whether the description contains the loop's name.
    let namesLoop: Bool
    /// The name of the running task; `nil` if a callback or other code outside a task is running.
    public let task: String?
    /// The place where the task was created.
    public let created: CreationSite?
    /// The minimum time for which the loop has been blocked.
    public let duration: Duration
    /// The program's own functions on the stack of the loop's thread, innermost first. The array is empty if the stack
    /// could not be read.
    public let stack: [CallGraphFrame]

    /// A one-line summary of the report. It contains the loop's name if the program has set the name, or if several
    /// loops are running.
    public var description: String {
        let name = namesLoop ? " \"\(loop)\"" : ""
        let subject = task.map { "Task \"\($0)\"" } ?? "a callback"
        let place = stack.first.map { " at \($0.location)" } ?? ""
        return "The event loop\(name) has been blocked for \(duration.inWords): \(subject) is running\(place)"
    }
}
