internal import AsyncIOSystem
internal import Glibc

/// The live view: the latest snapshot, and how to show it.
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

    private let delay: Double
    private var latest: Snapshot?
    private var earlier: (loop: Snapshot.Loop, at: ContinuousClock.Instant)?
    private var rates: (steps: Double, turns: Double, busy: Double, received: Double, sent: Double)?
    private var lastLook = ContinuousClock.now
    private var order = Order.runTime
    private var isReversed = false
    private var firstRow = 0
    private(set) var isPaused = false
    /// Why there are no more updates.
    var complaint: String?

    init(delay: Double) { self.delay = delay }

    // MARK: Input

    mutating func take(_ snapshot: Snapshot) {
        let now = ContinuousClock.now
        if snapshot.blocked != nil, let known = latest {
            // Keep the tasks of the previous snapshot, and show where the loop is blocked.
            latest = known
            latest?.blocked = snapshot.blocked
        } else {
            latest = snapshot
        }
        guard snapshot.blocked == nil, let loop = snapshot.loop else { return }
        if let earlier {
            let seconds = max(0.001, (now - earlier.at) / .seconds(1))
            rates = (
                Double(loop.steps &- earlier.loop.steps) / seconds,
                Double(loop.turns &- earlier.loop.turns) / seconds,
                Double(loop.busy - earlier.loop.busy) / 1e9 / seconds,
                Double(loop.received - earlier.loop.received) / seconds,
                Double(loop.sent - earlier.loop.sent) / seconds
            )
        }
        earlier = (loop, now)
        lastLook = now
    }

    /// Whether stacks are missing because there were too many tasks.
    var lacksStacks: Bool { (latest?.stacksOmitted ?? 0) > 0 }

    /// The IDs of the tasks that are shown.
    func shownTasks(_ rows: Int) -> [UInt64] {
        sorted(latest?.tasks ?? []).dropFirst(firstRow).prefix(rows).map(\.id)
    }

    mutating func takeStacks(_ snapshot: Snapshot) {
        let stacks = Dictionary((snapshot.tasks ?? []).map { ($0.id, $0.stack) }) { first, _ in first }
        for index in latest?.tasks?.indices ?? 0..<0 {
            if let id = latest?.tasks?[index].id, let stack = stacks[id], stack?.isEmpty == false {
                latest?.tasks?[index].stack = stack
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
        firstRow = min(firstRow, max(0, (latest?.tasks?.count ?? 1) - 1))
        return true
    }

    // MARK: Output

    func lines(_ size: Terminal.Size, isColored: Bool) -> [String] {
        guard let latest else { return [] }
        let paint = { (text: String, color: Color) in isColored ? color.rawValue + text + "\u{1B}[0m" : text }
        // A line that is too long would wrap and push the others down.
        var lines = header(latest).map { $0.cut(size.columns) }
        let title = lines[0].prefix(Self.title(of: latest).count)
        lines[0] = paint(String(title), .title) + lines[0].dropFirst(title.count)
        for line in latest.blockedLines.prefix(6) { lines.append(paint(line.cut(size.columns), .alarm)) }
        for line in latest.deadlockLines.prefix(3) { lines.append(paint(line.cut(size.columns), .alarm)) }
        if let complaint { lines.append(paint(complaint.cut(size.columns), .alarm)) }
        lines.append("")
        lines.append(paint(Self.row(Self.heads, size.columns), .head))
        let room = size.rows == .max ? Int.max : max(1, size.rows - lines.count - 1)
        let rows = sorted(latest.tasks ?? []).dropFirst(firstRow).prefix(room)
        lines += rows.map { task in
            let text = Self.row(cells(of: task), size.columns)
            return Color(ofState: task.state).map { paint(text, $0) } ?? text
        }
        guard size.rows != .max else { return lines }
        // A line too many would scroll the first one away.
        lines = Array(lines.prefix(max(0, size.rows - 1)))
        while lines.count < size.rows - 1 { lines.append("") }
        let arrow = isReversed ? "↑" : "↓"
        lines.append(
            paint(
                "q quit  n name  t run time  w wake-ups  s since  r reverse  p \(isPaused ? "resume" : "pause")  ↑↓ scroll   sorted by \(order.title) \(arrow)"
                    .padded(to: size.columns), .help))
        return lines
    }

    private static func title(of snapshot: Snapshot) -> String { "asyncio top - \(snapshot.title)" }

    private func header(_ snapshot: Snapshot) -> [String] {
        let tasks = snapshot.tasks ?? []
        let counts = Dictionary(grouping: tasks, by: \.state).mapValues(\.count)
        let states = ["running", "ready", "waiting", "foreign", "created"].compactMap { state in
            counts[state].map { "\($0) \(state)" }
        }
        guard let loop = snapshot.loop else { return [Self.title(of: snapshot)] }
        let busy = rates.map { "\(Int(($0.busy * 100).rounded())) %" } ?? "-"
        let steps = rates.map { "\(Int($0.steps))" } ?? "-"
        let traffic = { (total: Int, rate: Double?) in
            sizeInWords(bytes: total) + (rate.map { " (\(sizeInWords(bytes: Int($0)))/s)" } ?? "")
        }
        let turns = rates.map { "\(Int($0.turns))" } ?? "-"
        return [
            "\(Self.title(of: snapshot))\(isPaused ? "   PAUSED" : "")   every \(delay) s",
            "tasks: \(loop.tasks)" + (states.isEmpty ? "" : " (\(states.joined(separator: ", ")))")
                + "   ready queue: \(loop.ready)   timers: \(loop.timers)   descriptors: \(loop.descriptors)",
            "loop: lag \(timeInWords(nanoseconds: loop.lag)), longest \(timeInWords(nanoseconds: loop.longestLag))   busy \(busy)   turns/s \(turns)   "
                + "steps/s \(steps)   blocked \(loop.stalls) times, longest \(timeInWords(nanoseconds: loop.longestStall))",
            "connections: \(loop.connections)   received \(traffic(loop.received, rates?.received))   "
                + "sent \(traffic(loop.sent, rates?.sent))",
        ]
    }

    private static let heads = ["ID", "NAME", "STATE", "RUN TIME", "WAKE-UPS", "SINCE", "WAITING ON", "AT"]

    private func cells(of task: Snapshot.TaskFacts) -> [String] {
        [
            "\(task.id)", task.name, task.state, timeInWords(nanoseconds: task.runTime), "\(task.steps)",
            task.since.map(timeInWords) ?? "",
            task.waitsFor, task.shortPlace ?? "",
        ]
    }

    private static func row(_ cells: [String], _ columns: Int) -> String {
        let rest = max(20, columns - 6 - 17 - 9 - 10 - 9 - 10 - 1)
        let waiting = rest * 55 / 100
        return [
            cells[0].paddedLeft(to: 5) + " ", cells[1].padded(to: 16) + " ", cells[2].padded(to: 8) + " ",
            cells[3].paddedLeft(to: 9) + " ", cells[4].paddedLeft(to: 8) + " ", cells[5].paddedLeft(to: 8) + "  ",
            cells[6].padded(to: waiting) + " ", cells[7].padded(to: rest - waiting - 1),
        ].joined().cut(columns)
    }

    private func sorted(_ tasks: [Snapshot.TaskFacts]) -> [Snapshot.TaskFacts] {
        let sorted = tasks.sorted { left, right in
            switch order {
            case .name: (left.name, left.id) < (right.name, right.id)
            case .runTime: (right.runTime, left.id) < (left.runTime, right.id)
            case .wakeUps: (right.steps, left.id) < (left.steps, right.id)
            case .since: (right.since ?? -1, left.id) < (left.since ?? -1, right.id)
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
