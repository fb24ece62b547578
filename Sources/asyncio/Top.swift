internal import ArgumentParser
internal import Glibc

struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows a live view of the tasks and the loops.",
        discussion: """
            Keys: n, t, w, and s sort by name, run time, wake-ups, and time waited; r reverses the order; \
            p pauses; q quits.
            """)

    @OptionGroup var target: Target
    @Option(name: [.customShort("d"), .long], help: "The number of seconds between updates.")
    var delay = 1.0
    @Flag(help: "Print the view once, as plain text.")
    var once = false

    func validate() throws {
        guard delay >= 0.1, delay <= 3600 else { throw ValidationError("--delay must be in 0.1...3600, got \(delay)") }
    }

    func run() throws {
        let client = target.client
        var view = TopView(delay: delay)
        // The first request makes the program start timing its steps. Later responses contain the times.
        view.take(try target.snapshot())
        do { try lookAtShown(&view, client) } catch { throw target.complaint(error) }
        if once {
            for line in view.lines(Terminal.Size(columns: 160, rows: .max), isColored: false) { print(line) }
            return
        }
        guard Terminal.isTerminal else {
            write("asyncio: top needs a terminal; use --once, ps, or dump\n", to: STDERR_FILENO)
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
                // The program has ended or does not respond, so keep showing the last response.
                view.complaint = "\(error)"
                draw(view, isColored)
                while let key = Terminal.key(within: -1), view.press(key) { draw(view, isColored) }
                return
            }
        }
    }

    /// Requests the missing stacks of the displayed tasks. If there are many tasks, a response does not contain all
    /// stacks.
    private func lookAtShown(_ view: inout TopView, _ client: Client) throws(ClientError) {
        guard view.lacksStacks else { return }
        view.takeStacks(try client.snapshot(.stacksOf(view.shownTasks(once ? 1_000 : Terminal.size.rows))))
    }

    private func draw(_ view: TopView, _ isColored: Bool) {
        let lines = view.lines(Terminal.size, isColored: isColored)
        Terminal.write("\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J")
    }
}
