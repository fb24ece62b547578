internal import AsyncIOSystem
internal import Glibc

/// The live view, which consists of the latest snapshot and the display settings.
struct TopView {
    enum Order: Character, CaseIterable {
        case name = "n"
        case runTime = "t"
        case wakeUps = "w"
        case since = "s"

        var title: String {
            switch self {
            case .name: "name"
            case .runTime: "run time"
            case .wakeUps: "wake-ups"
            case .since: "time waited"
            }
        }
    }

    let delay: Double
    private var latest: Snapshot?
    /// The previous figures of each loop, by its ID.
    private var earlier: [UInt32: (figures: Snapshot.Figures, at: ContinuousClock.Instant)] = [:]
    private(set) var rates: [UInt32: Rates] = [:]
    private var order = Order.runTime
    private var isReversed = false
    private var firstRow = 0
    private(set) var isPaused = false
    /// The reason why there are no more updates.
    var complaint: String?

    init(delay: Double) { self.delay = delay }

    // MARK: Input

    mutating func take(_ snapshot: Snapshot) {
        let now = ContinuousClock.now
        let known = Dictionary((latest?.loops ?? []).map { ($0.id, $0) }) { first, _ in first }
        var snapshot = snapshot
        var figures: [UInt32: (figures: Snapshot.Figures, at: ContinuousClock.Instant)] = [:]
        var rates: [UInt32: Rates] = [:]
        for (index, loop) in snapshot.loops.enumerated() {
            if let latest = loop.figures {
                figures[loop.id] = (latest, now)
                rates[loop.id] = earlier[loop.id].map { Rates(from: $0.figures, to: latest, in: now - $0.at) }
            } else {
                figures[loop.id] = earlier[loop.id]
                rates[loop.id] = self.rates[loop.id]
                // Keep the tasks of the previous snapshot, and show where the loop is blocked.
                guard var kept = known[loop.id] else { continue }
                (kept.blocked, kept.error) = (loop.blocked, loop.error)
                snapshot.loops[index] = kept
            }
        }
        (self.latest, earlier, self.rates) = (snapshot, figures, rates)
    }

    /// Whether stacks are missing because there were too many tasks.
    var lacksStacks: Bool { latest?.loops.contains { ($0.stacksOmitted ?? 0) > 0 } ?? false }

    /// Returns the IDs of the displayed tasks, by the IDs of their loops.
    func shownTasks(_ rows: Int) -> [UInt32: [UInt64]] {
        Dictionary(grouping: sortedRows.dropFirst(firstRow).prefix(rows), by: \.loop.id)
            .mapValues { $0.map(\.task.id) }
    }

    mutating func takeStacks(_ snapshot: Snapshot) {
        for loop in snapshot.loops {
            let stacks = Dictionary((loop.tasks ?? []).map { ($0.id, $0.stack ?? []) }) { first, _ in first }
            guard let known = latest?.loops.firstIndex(where: { $0.id == loop.id }) else { continue }
            for index in latest?.loops[known].tasks?.indices ?? 0..<0 {
                if let id = latest?.loops[known].tasks?[index].id, let stack = stacks[id], !stack.isEmpty {
                    latest?.loops[known].tasks?[index].stack = stack
                }
            }
        }
    }

    /// Handles a key. Returns false if the key ends the view.
    mutating func press(_ key: Terminal.Key) -> Bool {
        switch key {
        case .end, .character("q"): return false
        case .character("r"): isReversed.toggle()
        case .character("p"): isPaused.toggle()
        case .up, .character("k"): firstRow = max(0, firstRow - 1)
        case .down, .character("j"): firstRow += 1
        case .pageUp: firstRow = max(0, firstRow - 10)
        case .pageDown: firstRow += 10
        case .character(let letter):
            guard let order = Order(rawValue: letter) else { break }
            self.order = order
            firstRow = 0
        }
        firstRow = min(firstRow, max(0, sortedRows.count - 1))
        return true
    }

    // MARK: Output

    func lines(_ size: Terminal.Size, isColored: Bool) -> [String] {
        guard let latest else { return [] }
        let paint = { (text: String, color: Color) in isColored ? color.rawValue + text + "\u{1B}[0m" : text }
        // A line that is too long would wrap and push the following lines down.
        var lines = header(latest, size).map { $0.cut(size.columns) }
        let title = lines[0].prefix(Self.title(of: latest).count)
        lines[0] = paint(String(title), .title) + lines[0].dropFirst(title.count)
        let alarms =
            latest.loops.flatMap { latest.blockedLines(of: $0).prefix(6 / min(6, latest.loops.count)) }.prefix(6)
            + latest.loops.flatMap(latest.deadlockLines).prefix(3)
        for line in alarms { lines.append(paint(line.cut(size.columns), .alarm)) }
        if let complaint { lines.append(paint(complaint.cut(size.columns), .alarm)) }
        lines.append("")
        lines.append(paint(Self.row(loop: latest.hasSeveralLoops ? "LOOP" : nil, Self.heads, size.columns), .head))
        let room = size.rows == .max ? Int.max : max(1, size.rows - lines.count - 1)
        lines += sortedRows.dropFirst(firstRow).prefix(room).map { row in
            let loop = latest.hasSeveralLoops ? row.loop.name : nil
            let text = Self.row(loop: loop, cells(of: row.task), size.columns)
            return Color(ofState: row.task.state).map { paint(text, $0) } ?? text
        }
        guard size.rows != .max else { return lines }
        // An additional line would scroll the first line off the screen.
        lines = Array(lines.prefix(max(0, size.rows - 1)))
        while lines.count < size.rows - 1 { lines.append("") }
        let arrow = isReversed ? "↑" : "↓"
        lines.append(
            paint(
                "q quit  n name  t run time  w wake-ups  s since  r reverse  p \(isPaused ? "resume" : "pause")  ↑↓ scroll   sorted by \(order.title) \(arrow)"
                    .padded(to: size.columns), .help))
        return lines
    }

    private static let heads = ["ID", "NAME", "STATE", "RUN TIME", "WAKE-UPS", "SINCE", "WAITING ON", "AT"]

    private func cells(of task: Snapshot.TaskFacts) -> [String] {
        [
            "\(task.id)", task.name, task.state, timeInWords(nanoseconds: task.runTime), "\(task.steps)",
            task.since.map(timeInWords) ?? "",
            task.waitsFor, task.shortPlace ?? "",
        ]
    }

    static let widthOfLoop = 12

    private static func row(loop: String?, _ cells: [String], _ columns: Int) -> String {
        if let loop {
            let rest = row(loop: nil, cells, columns - widthOfLoop - 1)
            return (loop.padded(to: widthOfLoop) + " " + rest).cut(columns)
        }
        let rest = max(20, columns - 6 - 17 - 9 - 10 - 9 - 10 - 1)
        let waiting = rest * 55 / 100
        return [
            cells[0].paddedLeft(to: 5) + " ", cells[1].padded(to: 16) + " ", cells[2].padded(to: 8) + " ",
            cells[3].paddedLeft(to: 9) + " ", cells[4].paddedLeft(to: 8) + " ", cells[5].paddedLeft(to: 8) + "  ",
            cells[6].padded(to: waiting) + " ", cells[7].padded(to: rest - waiting - 1),
        ].joined().cut(columns)
    }

    private struct Row {
        var loop: (id: UInt32, name: String)
        var task: Snapshot.TaskFacts
    }

    private var sortedRows: [Row] {
        let rows = (latest?.loops ?? []).flatMap { loop in
            (loop.tasks ?? []).map { Row(loop: (loop.id, loop.name), task: $0) }
        }
        let sorted = rows.sorted { left, right in
            let isOlder = (left.loop.id, left.task.id) < (right.loop.id, right.task.id)
            return switch order {
            case .name: (left.task.name, 0) < (right.task.name, isOlder ? 1 : 0)
            case .runTime: (right.task.runTime, 0) < (left.task.runTime, isOlder ? 1 : 0)
            case .wakeUps: (right.task.steps, 0) < (left.task.steps, isOlder ? 1 : 0)
            case .since: (right.task.since ?? -1, 0) < (left.task.since ?? -1, isOlder ? 1 : 0)
            }
        }
        return isReversed ? sorted.reversed() : sorted
    }

    enum Color: String {
        case title = "\u{1B}[1m"
        case head = "\u{1B}[7m"
        case help = "\u{1B}[2m"
        case alarm = "\u{1B}[1;31m"
        case running = "\u{1B}[32m"
        case ready = "\u{1B}[36m"
        case foreign = "\u{1B}[33m"

        init?(ofState state: String) {
            switch state {
            case "running": self = .running
            case "ready": self = .ready
            case "foreign", "created": self = .foreign
            default: return nil
            }
        }
    }
}
