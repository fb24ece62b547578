internal import ArgumentParser
internal import Glibc

struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the tasks and the loop, live.",
        discussion: "Keys: q ends; n, t, w, s sort by name, run time, wake-ups, time waited; r turns the order round.")

    @OptionGroup var target: Target
    @Option(name: [.customShort("d"), .long], help: "Seconds between two looks.")
    var delay = 1.0
    @Flag(help: "One look, as plain text.")
    var once = false

    func validate() throws {
        guard delay >= 0.1, delay <= 3600 else { throw ValidationError("A delay is 0.1 to 3600 seconds.") }
    }

    func run() throws {
        let client = Client(pid: target.pid)
        var view = TopView(delay: delay)
        // The first look has the program time its steps; those after it tell.
        view.take(try target.snapshot())
        do { try lookAtShown(&view, client) } catch { throw target.complaint(error) }
        if once {
            for line in view.lines(Terminal.Size(columns: 160, rows: .max), isColored: false) { print(line) }
            return
        }
        guard Terminal.isTerminal else {
            write("asyncio: top needs a terminal; use --once, ps or dump\n", to: STDERR_FILENO)
            throw ExitCode(1)
        }
        Terminal.takeOver()
        let isColored = unsafe getenv("NO_COLOR") == nil
        while true {
            draw(view, isColored)
            if let key = Terminal.key(within: Int32(delay * 1000)) {
                if !view.press(key) { return }
                continue
            }
            if view.isPaused { continue }
            do {
                view.take(try client.snapshot(.stacks))
                try lookAtShown(&view, client)
            } catch {
                // The program has ended, or does not answer: the last that was seen stays.
                view.complaint = "\(error)"
                draw(view, isColored)
                while let key = Terminal.key(within: -1), view.press(key) { draw(view, isColored) }
                return
            }
        }
    }

    /// Of many tasks, not all come with where they are; those that are shown must.
    private func lookAtShown(_ view: inout TopView, _ client: Client) throws(ClientError) {
        guard view.lacksStacks else { return }
        view.takeStacks(try client.snapshot(.stacks(of: view.shownTasks(once ? 1_000 : Terminal.size.rows))))
    }

    private func draw(_ view: TopView, _ isColored: Bool) {
        let lines = view.lines(Terminal.size, isColored: isColored)
        Terminal.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }
}
