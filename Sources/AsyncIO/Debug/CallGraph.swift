/// Who waits for whom: a future or task, where it is, and those who wait for it.
///
/// asyncio: `asyncio.FutureCallGraph`.
public struct FutureCallGraph {
    /// What the graph is of.
    public let future: FutureBase
    /// Where the task is, innermost first; empty for a future.
    public let callStack: [CallGraphFrame]
    /// The tasks that wait for it: directly, or through `gather`, `wait`, `shield`, a task
    /// group or a race; of a longer chain, those of the first hundred steps.
    public let awaitedBy: [FutureCallGraph]
}

/// The graph of `future`, or of the current task: where it is, and who waits for it.
///
/// - Parameters:
///   - limit: how many frames of each stack: those nearest to where it waits if positive,
///     the outermost if negative, none for 0, all for nil.
/// - Returns: nil if no future is given and no task runs here.
/// - Throws: ``RuntimeError`` if there is no running loop.
///
/// asyncio: `asyncio.capture_call_graph`.
public func captureCallGraph(
    _ future: FutureBase? = nil, limit: Int? = nil
) throws(RuntimeError) -> FutureCallGraph? {
    guard let loop = EventLoop.here else {
        throw RuntimeError(
            "captureCallGraph() is called outside of a running event loop; call it from code that run { } runs")
    }
    guard let future = future ?? currentTask() else { return nil }
    var seen: Set<ObjectIdentifier> = []
    return AwaitGraph(of: loop).callGraph(of: future, limit: limit, &seen)
}

/// The graph in words, as asyncio writes it; empty if there is none.
///
/// ```
/// * Task(name="fetch", id=0x7f12)
///   + Call stack:
///   |   File "main.swift", line 12, in async fetch(_:)
///   + Waits for: Lock.acquire(), held by "writer", since 3.2 s
///   + Awaited by:
///     * Task(name="Task-1", id=0x7f10)
///       ...
/// ```
///
/// asyncio: `asyncio.format_call_graph`.
public func formatCallGraph(_ future: FutureBase? = nil, limit: Int? = nil) throws(RuntimeError) -> String {
    guard let graph = try captureCallGraph(future, limit: limit) else { return "" }
    var lines: [String] = []
    graph.write(to: &lines, indentation: "")
    if let loop = EventLoop.here {
        for cycle in AwaitGraph(of: loop).deadlocks where cycle.contains(where: { $0 === graph.future }) {
            lines.append("! Deadlock: " + AwaitGraph.description(of: cycle))
        }
    }
    return lines.joined(separator: "\n")
}

/// Prints the graph to standard output, or to `output`.
///
/// asyncio: `asyncio.print_call_graph`.
public func printCallGraph(_ future: FutureBase? = nil, limit: Int? = nil) throws(RuntimeError) {
    print(try formatCallGraph(future, limit: limit))
}

/// Prints the graph to `output`.
public func printCallGraph(
    _ future: FutureBase? = nil, limit: Int? = nil, to output: inout some TextOutputStream
) throws(RuntimeError) {
    print(try formatCallGraph(future, limit: limit), to: &output)
}

extension FutureCallGraph {
    fileprivate func write(to lines: inout [String], indentation: String) {
        let id = "0x" + String(UInt(bitPattern: ObjectIdentifier(future)), radix: 16)
        let task = future as? AnyAsyncTask
        lines.append(indentation + (task.map { "* Task(name=\"\($0.name)\", id=\(id))" } ?? "* Future(id=\(id))"))
        if !callStack.isEmpty {
            lines.append(indentation + "  + Call stack:")
            for frame in callStack {
                let line = frame.line > 0 ? ", line \(frame.line)" : ""
                let file = frame.file.map { "File \"\($0)\"\(line)" } ?? "File unknown"
                let isWhole = frame.function.hasSuffix(")") || frame.function.hasSuffix("top-level code")
                let function = isWhole ? frame.function : frame.function + "()"
                lines.append(indentation + "  |   \(file), in \(frame.isAsync ? "async " : "")\(function)")
            }
        }
        if let task, case .waiting = task.activity {
            lines.append(indentation + "  + Waits for: \(task.waitText)\(task.sinceText)")
        }
        guard !awaitedBy.isEmpty else { return }
        lines.append(indentation + "  + Awaited by:")
        for graph in awaitedBy { graph.write(to: &lines, indentation: indentation + "    ") }
    }
}

extension AnyAsyncTask {
    /// ", since 3.2 s", if that is known.
    final var sinceText: String { waitedFor.map { ", since \($0.inWords)" } ?? "" }

    /// For how long the task has waited; nil if it does not, or nobody took the time.
    final var waitedFor: Duration? {
        guard case .waiting = activity else { return nil }
        let loop = EventLoop.required(for: "waitedFor")
        if loop.virtualNow == nil, waitingSince == 0 { return nil }
        return .nanoseconds(max(0, loop.time - waitingSince))
    }
}
