internal import ArgumentParser
internal import AsyncIOSystem

struct ListTasks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "Lists the tasks: what each is waiting for, for how long, and where.")

    @OptionGroup var target: Target

    func run() throws {
        let snapshot = try target.snapshot()
        for line in snapshot.alarmLines { print(line) }
        if snapshot.loops.allSatisfy({ $0.tasks == nil }) { return }
        let isNamed = snapshot.hasSeveralLoops
        var table = Table((isNamed ? ["LOOP"] : []) + Self.heads)
        for loop in snapshot.loops {
            for task in loop.tasks ?? [] { table.add((isNamed ? [loop.name] : []) + cells(of: task)) }
        }
        for line in table.lines { print(line) }
        let omitted = snapshot.loops.reduce(0) { $0 &+ ($1.omitted ?? 0) }
        if omitted > 0 { print("… and \(omitted) more") }
    }

    private static let heads = ["ID", "NAME", "STATE", "SINCE", "WAITS FOR", "AT", "CREATED AT"]

    private func cells(of task: Snapshot.TaskFacts) -> [String] {
        [
            "\(task.id)", task.name, task.state, task.since.map(timeInWords) ?? "", task.waitsFor, task.place ?? "",
            task.created ?? "",
        ]
    }
}

/// A table whose columns are as wide as their contents.
struct Table {
    private var rows: [[String]]

    init(_ head: [String]) { rows = [head] }
    mutating func add(_ row: [String]) { rows.append(row) }

    var lines: [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].columns }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) { line += cell.padded(to: width) + "  " }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
