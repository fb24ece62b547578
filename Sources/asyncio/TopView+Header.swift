internal import AsyncIOSystem

extension TopView {
    static func title(of snapshot: Snapshot) -> String { "asyncio top - \(snapshot.title)" }

    /// Returns the lines above the list of tasks. They contain the combined figures of all loops, and the figures of
    /// each loop.
    func header(_ snapshot: Snapshot, _ size: Terminal.Size) -> [String] {
        let title = Self.title(of: snapshot)
        let all = snapshot.loops.compactMap(\.figures)
        guard let first = all.first else { return [title] }
        let sum = all.dropFirst().reduce(first, +)
        let rates = snapshot.loops.compactMap { self.rates[$0.id] }
        let sumOfRates = rates.first.map { rates.dropFirst().reduce($0, +) }
        let traffic = { (total: Int, rate: Double?) in
            sizeInWords(bytes: total) + (rate.map { " (\(sizeInWords(bytes: whole($0)))/s)" } ?? "")
        }
        let loops = snapshot.hasSeveralLoops ? "\(snapshot.loops.count) loops" : "loop"
        return [
            "\(title)\(isPaused ? "   PAUSED" : "")   every \(delay) s",
            population(sum, snapshot.loops.flatMap { $0.tasks ?? [] }),
            "\(loops): \(activity(sum, sumOfRates))",
            "connections: \(sum.connections)   received \(traffic(sum.received, sumOfRates?.received))   "
                + "sent \(traffic(sum.sent, sumOfRates?.sent))",
        ] + (snapshot.hasSeveralLoops ? linesOfLoops(snapshot.loops, size) : [])
    }

    private func population(_ figures: Snapshot.Figures, _ tasks: [Snapshot.TaskFacts]) -> String {
        let counts = Dictionary(grouping: tasks, by: \.state).mapValues(\.count)
        let states = ["running", "ready", "waiting", "foreign", "created"].compactMap { state in
            counts[state].map { "\($0) \(state)" }
        }
        return "tasks: \(figures.tasks)" + (states.isEmpty ? "" : " (\(states.joined(separator: ", ")))")
            + "   ready queue: \(figures.ready)   timers: \(figures.timers)   descriptors: \(figures.descriptors)"
    }

    private func activity(_ figures: Snapshot.Figures, _ rates: Rates?) -> String {
        let busy = rates.map { "\(whole($0.busy * 100)) %" } ?? "-"
        let turns = rates.map { "\(whole($0.turns))" } ?? "-"
        let steps = rates.map { "\(whole($0.steps))" } ?? "-"
        return "lag \(timeInWords(nanoseconds: figures.lag)), "
            + "longest \(timeInWords(nanoseconds: figures.longestLag))   busy \(busy)   turns/s \(turns)   steps/s \(steps)   "
            + "blocked \(figures.stalls) times, longest \(timeInWords(nanoseconds: figures.longestStall))"
    }

    /// Returns a line for each loop, but only as many lines as leave room for the tasks.
    private func linesOfLoops(_ loops: [Snapshot.Loop], _ size: Terminal.Size) -> [String] {
        let room = size.rows == .max ? loops.count : max(1, size.rows / 4)
        let width = min(Self.widthOfLoop, loops.map(\.name.columns).max() ?? 0)
        let lines = loops.prefix(room).map { loop in
            let text = loop.figures.map { "tasks: \($0.tasks)   \(activity($0, rates[loop.id]))" }
            return "  \(loop.name.padded(to: width))  \(text ?? "no answer")"
        }
        return lines + (loops.count > room ? ["  … and \(loops.count - room) more"] : [])
    }

    /// Returns the nearest integer.
    private func whole(_ number: Double) -> Int { Int(exactly: number.rounded()) ?? .max }
}
