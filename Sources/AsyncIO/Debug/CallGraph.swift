internal import AsyncIOSystem

/// Who waits for whom: a future or task, where it is, and those who wait for it.
///
/// asyncio: `asyncio.FutureCallGraph`.
public struct FutureCallGraph {
    /// What the graph is of.
    public let future: FutureBase
    let stack: CapturedStack
    let limit: Int?
    /// The tasks that wait for it: directly, or through `gather`, `wait`, `shield`, a task
    /// group or a race; of a longer chain, those of the first hundred steps.
    public let awaitedBy: [FutureCallGraph]

    /// Where the task was, innermost first; empty for a future.
    ///
    /// The graph has addresses; this puts words to them. The first time, the program's debugging
    /// information is read for it, which takes from a tenth of a second to some seconds: as long
    /// as the loop stands still if it is done there. What was asked for once is remembered.
    public var callStack: [CallGraphFrame] {
        let frames = stack.frames
        guard let limit else { return frames }
        return Array(limit >= 0 ? frames.prefix(limit) : frames.suffix(Int(clamping: limit.magnitude)))
    }
}

/// The graph of `future`, or of the current task: where it is, and who waits for it.
///
/// Takes microseconds for each task in it; see ``FutureCallGraph/callStack``.
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

/// Returns the graph as text in asyncio's format, or an empty string if there is none. The first call may take
/// a second or more, as ``FutureCallGraph/callStack`` does.
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
            lines.append("! Deadlock: " + printable(AwaitGraph.description(of: cycle)))
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
