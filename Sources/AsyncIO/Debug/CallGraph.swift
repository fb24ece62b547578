internal import AsyncIOSystem

/// A future or task, with its place in the program and the tasks that are waiting for it.
///
/// asyncio: `asyncio.FutureCallGraph`.
public struct FutureCallGraph {
    /// The future or task that the graph describes.
    public let future: FutureBase
    let stack: CapturedStack
    let limit: Int?
    /// The tasks that are waiting for the future, directly or through `gather`, `wait`, `shield`, a task group, or a
    /// race. Chains are followed for at most 100 levels.
    public let awaitedBy: [FutureCallGraph]

    /// The task's stack when the graph was captured, innermost first. The array is empty for a plain future.
    ///
    /// The graph stores addresses, and this property symbolizes them. The first access reads the program's debug
    /// information, which takes from a tenth of a second to several seconds. On the loop's thread, this access blocks
    /// the loop. Results are cached.
    ///
    /// - Complexity: O(*n*), where *n* is the depth of the stack.
    public var callStack: [CallGraphFrame] {
        let frames = stack.frames
        guard let limit else { return frames }
        return Array(limit >= 0 ? frames.prefix(limit) : frames.suffix(Int(clamping: limit.magnitude)))
    }
}

/// Captures the call graph of a future, or of the current task. The graph contains the stack, and the tasks that are
/// waiting for the future or task.
///
/// Capturing takes microseconds for each task in the graph. The stacks are symbolized later; see
/// ``FutureCallGraph/callStack``.
///
/// - Parameters:
///   - future: The future or task; `nil` for the current task.
///   - limit: The number of frames of each stack. A positive number keeps the innermost frames, a negative number keeps
///     the outermost frames, 0 keeps no frames, and `nil` keeps all frames.
/// - Returns: The call graph, or `nil` if `future` is `nil` and the caller is not running in a task.
/// - Throws: ``RuntimeError`` if no event loop is running on this thread.
/// - Complexity: O(*n* log *n*), where *n* is the number of the loop's tasks.
///
/// asyncio: `asyncio.capture_call_graph`.
public func captureCallGraph(
    _ future: FutureBase? = nil, limit: Int? = nil
) throws(RuntimeError) -> FutureCallGraph? {
    guard let loop = EventLoop.here else {
        throw RuntimeError(
            "captureCallGraph() was called outside a running event loop; call it from code that run { } runs")
    }
    guard let future = future ?? currentTask() else { return nil }
    var seen: Set<ObjectIdentifier> = []
    return AwaitGraph(of: loop).callGraph(of: future, limit: limit, &seen)
}

/// Returns the call graph as text in asyncio's format. The text is empty if `future` is `nil` and the caller is not
/// running in a task.
///
/// The first call can take a second or more; see ``FutureCallGraph/callStack``.
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
/// - Parameters:
///   - future: The future or task; `nil` for the current task.
///   - limit: The number of frames of each stack; see ``captureCallGraph(_:limit:)``.
/// - Throws: ``RuntimeError`` if no event loop is running on this thread.
/// - Complexity: O(*n* log *n*), where *n* is the number of the loop's tasks.
///
/// asyncio: `asyncio.format_call_graph`.
public func formatCallGraph(_ future: FutureBase? = nil, limit: Int? = nil) throws(RuntimeError) -> String {
    guard let graph = try captureCallGraph(future, limit: limit) else { return "" }
    var lines: [String] = []
    graph.write(to: &lines, indentation: "")
    if let loop = EventLoop.here {
        for cycle in AwaitGraph(of: loop).deadlocks where cycle.contains(where: { $0 === graph.future }) {
            lines.append("! Deadlock: " + printable(AwaitGraph.description(of: cycle)))
        }
    }
    return lines.joined(separator: "\n")
}

/// Prints the call graph to standard output; see ``formatCallGraph(_:limit:)``.
///
/// - Throws: ``RuntimeError`` if no event loop is running on this thread.
///
/// asyncio: `asyncio.print_call_graph`.
public func printCallGraph(_ future: FutureBase? = nil, limit: Int? = nil) throws(RuntimeError) {
    print(try formatCallGraph(future, limit: limit))
}

/// Prints the call graph to `output`; see ``formatCallGraph(_:limit:)``.
///
/// - Throws: ``RuntimeError`` if no event loop is running on this thread.
///
/// asyncio: `asyncio.print_call_graph`, with its argument `file`.
public func printCallGraph(
    _ future: FutureBase? = nil, limit: Int? = nil, to output: inout some TextOutputStream
) throws(RuntimeError) {
    print(try formatCallGraph(future, limit: limit), to: &output)
}

extension FutureCallGraph {
    fileprivate func write(to lines: inout [String], indentation: String) {
        let id = "0x" + String(UInt(bitPattern: ObjectIdentifier(future)), radix: 16)
        let task = future as? AnyAsyncTask
        let title = task.map { "* Task(name=\"\(printable($0.name))\", id=\(id))" } ?? "* Future(id=\(id))"
        lines.append(indentation + title)
        let frames = callStack
        if !frames.isEmpty {
            lines.append(indentation + "  + Call stack:")
            for frame in frames {
                let line = frame.line > 0 ? ", line \(frame.line)" : ""
                let file = frame.file.map { "File \"\($0)\"\(line)" } ?? "File unknown"
                let isWhole = frame.function.hasSuffix(")") || frame.function.hasSuffix("top-level code")
                let function = isWhole ? frame.function : frame.function + "()"
                let text = "\(file), in \(frame.isAsync ? "async " : "")\(function)"
                lines.append(indentation + "  |   " + printable(text))
            }
        }
        if let task, case .waiting = task.activity {
            lines.append(indentation + "  + Waits for: \(printable(task.waitText + task.sinceText))")
        }
        guard !awaitedBy.isEmpty else { return }
        lines.append(indentation + "  + Awaited by:")
        for graph in awaitedBy { graph.write(to: &lines, indentation: indentation + "    ") }
    }
}

extension AnyAsyncTask {
    /// The text `, since 3.2 s`, or an empty string if the time is unknown.
    final var sinceText: String { waitedFor.map { ", since \($0.inWords)" } ?? "" }

    /// The time for which the task has been waiting; `nil` if it is not waiting, or the time was not recorded.
    final var waitedFor: Duration? {
        guard case .waiting = activity else { return nil }
        let loop = EventLoop.required(for: "waitedFor")
        if loop.virtualNow == nil, waitingSince == 0 { return nil }
        return .nanoseconds(max(0, loop.time - waitingSince))
    }
}
