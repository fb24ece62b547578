internal import ArgumentParser
internal import AsyncIOSystem

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints all available information about the loops and their tasks.")

    @OptionGroup var target: Target
    @Flag(help: "Print JSON; times are in nanoseconds.")
    var json = false

    func run() throws {
        if json {
            do {
                return print(try target.client.json(.stacks), terminator: "")
            } catch {
                throw target.complaint(error)
            }
        }
        let snapshot = try target.snapshot()
        if snapshot.hasSeveralLoops { print("\(snapshot.title): \(snapshot.loops.count) loops") }
        for loop in snapshot.loops {
            if snapshot.hasSeveralLoops { print("\n" + TaskTree.heading(ofLoop: loop.name)) }
            for line in loop.blockedLines(isNamed: false) + loop.deadlockLines(isNamed: false) { print(line) }
            if let figures = loop.figures {
                let title = snapshot.hasSeveralLoops ? "" : snapshot.title + ": "
                for line in lines(about: figures, title) { print(line) }
            }
            for task in loop.tasks ?? [] {
                for line in lines(about: task) { print(line) }
            }
        }
    }

    private func lines(about figures: Snapshot.Figures, _ title: String) -> [String] {
        [
            "\(title)\(figures.tasks) tasks, \(figures.ready) ready, \(figures.timers) timers, "
                + "\(figures.descriptors) descriptors, \(figures.connections) connections, "
                + "received \(sizeInWords(bytes: figures.received)), sent \(sizeInWords(bytes: figures.sent))",
            "lag \(timeInWords(nanoseconds: figures.lag)), longest \(timeInWords(nanoseconds: figures.longestLag)); "
                + "\(figures.turns) turns, \(figures.steps) steps; "
                + "blocked \(figures.stalls) times, longest \(timeInWords(nanoseconds: figures.longestStall))",
        ]
    }

    private func lines(about task: Snapshot.TaskFacts) -> [String] {
        var lines = ["", "\(task.name) (\(task.id)): \(task.state)"]
        let since = task.since.map { ", since \(timeInWords(nanoseconds: $0))" } ?? ""
        lines.append("  waits for \(task.waitsFor)\(since)")
        if let created = task.created { lines.append("  created at \(created)") }
        if task.cancelling > 0 { lines.append("  cancellation requested \(task.cancelling) times") }
        if task.steps > 0 {
            let (total, longest) = (timeInWords(nanoseconds: task.runTime), timeInWords(nanoseconds: task.longestStep))
            lines.append("  \(task.steps) steps, \(total), longest \(longest)")
        }
        return lines + (task.stack ?? []).map { "    \($0.function) at \($0.place)" }
    }
}
