import ArgumentParser
import AsyncIO
import Glibc

struct Work: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs commands from the queue.",
        discussion: """
            Without --redis, the commands are read from standard input, one per line. SIGTERM and Ctrl-C end the \
            worker: it takes no more commands, and hands back those that do not end within the grace period.
            """)

    @OptionGroup var options: QueueOptions
    @Option(help: "The maximum number of commands that run at once.") var limit = 4
    @Option(help: "How long commands may continue when the worker ends, in seconds.") var grace = 10.0

    func validate() throws {
        guard 1...1000 ~= limit else { throw ValidationError("--limit must be in 1...1000, got \(limit)") }
        guard 0...86_400 ~= grace else { throw ValidationError("--grace must be in 0...86400, got \(grace)") }
    }

    func run() throws {
        try AsyncIO.run {
            try await options.withQueue { queue in
                if options.redis == nil { createTask { try await readCommands(into: queue) } }
                try await serve(queue, limit: limit, grace: .seconds(grace))
            }
        }
    }

    private func readCommands(into queue: some JobQueue<Command>) async throws {
        try await withFile("/dev/stdin") { input in
            for try await line in input.lines where !line.isEmpty { try await queue.put(Command(line: line)) }
        }
        try await queue.shutdown(immediate: false)
    }
}

/// Runs commands until the queue is shut down or a signal arrives.
func serve(_ queue: some JobQueue<Command>, limit: Int, grace: Duration) async throws {
    let stop = try signals(.terminate, .interrupt)
    let worker = createTask {
        try await work(on: queue, limit: limit, grace: grace, onEvent: report) { delivery in
            delivery.result = CommandResult(output: try await run(delivery.job))
        }
    }
    let stopping = createTask {
        _ = try await stop.next()
        worker.cancel()
    }
    do { try await worker.value } catch is CancellationError {}
    stopping.cancel()
}

/// Runs a command, and returns what it prints. A command that fails is retried as often as the queue's policy allows.
private func run(_ command: Command) async throws -> String {
    try await withSubprocess("/bin/sh", arguments: ["-c", command.line], stdout: .pipe, stderr: .stdout) { process in
        let (output, _) = try await process.communicate()
        let text = String(decoding: (output ?? []).suffix(10_000), as: UTF8.self)
        guard let status = process.returnCode, status == 0 else {
            let status = "exit status \(process.returnCode ?? -1)"
            throw JobFailure(text.isEmpty ? status : "\(status): \(text.suffix(200))")
        }
        return text
    }
}

private func report(_ event: JobEvent<Command>) {
    let line = event.delivery.job.line
    let what =
        switch event.kind {
        case .began: event.delivery.attempt == 1 ? "begins" : "begins, attempt \(event.delivery.attempt)"
        case .done: "done"
        case .failed(let error): "failed: \(error)"
        case .handedBack: "handed back"
        case .cancelled: "cancelled"
        case .lost: "lost to another worker"
        case .unrenewed(let error): "not renewed: \(error)"
        case .unsettled(let error): "not settled: \(error)"
        }
    print("\(event.delivery.id) \(line.prefix(40)): \(what)")
    fflush(nil)
}
