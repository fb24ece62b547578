import AsyncIO

extension ByHand {
    /// A server to which clients send jobs as lines, and which answers each line with a line. A worker that fails is
    /// restarted, at most `restarts` times a minute, and its job is done again. After the signal, no more jobs are
    /// accepted. Jobs that were accepted have until the end of `grace` to finish.
    ///
    /// - Returns: The number of connections that were cut off.
    static func jobs(
        workers: Int, restarts: Int, until signal: ProcessSignal, grace: Duration, whenReady: (Server) -> Void,
        progress: @escaping (_ connections: Int) -> Void, perform: @escaping (String) async throws -> String
    ) async throws -> Int {
        let stop = Event()
        let jobs = Queue<Order>(maxSize: 100)
        let arrivals = try signals(signal)
        let connections = Count(onChange: progress)
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            connections.add(1)
            defer { connections.add(-1) }
            while let line = try await race({ try await reader.readTextLine() }, { try await ended(stop) }) {
                let job = Order(line)
                try await jobs.put(job)
                try await writer.write(job.result.value + "\n")
            }
        }
        whenReady(server)
        return try await withServer(server, grace: .zero) { server in
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                let crew = Crew(restarts: restarts)
                let tasks = try (1...workers).map { number in
                    try group.createTask { try await crew.work(number, on: jobs, perform) }
                }
                try await arrivals.next()
                stop.set()
                connections.isReported = true
                let cutOff = try await server.shutdown(within: grace)
                for task in tasks { task.cancel() }
                return cutOff
            }
        }
    }

    private static func ended(_ stop: Event) async throws -> String? {
        try await stop.wait()
        return nil
    }

    private struct Order {
        let line: String
        let result = Future<String>()
        init(_ line: String) { self.line = line }
    }

    private final class Count {
        private let onChange: (Int) -> Void
        private var count = 0
        var isReported = false { didSet { onChange(count) } }

        init(onChange: @escaping (Int) -> Void) { self.onChange = onChange }

        func add(_ number: Int) {
            count += number
            if isReported { onChange(count) }
        }
    }

    /// Restarts workers.
    private final class Crew {
        private let restarts: Int
        private var times: [ContinuousClock.Instant] = []

        init(restarts: Int) { self.restarts = restarts }

        func work(_ number: Int, on jobs: Queue<Order>, _ perform: @escaping (String) async throws -> String)
            async throws
        {
            var delay = Duration.milliseconds(100)
            while true {
                var job: Order?
                do {
                    while true {
                        let next = try await jobs.get()
                        job = next
                        let result = try await perform(next.line)
                        if !next.result.isDone { try next.result.setResult(result) }
                        delay = .milliseconds(100)
                    }
                } catch let error as ProgramError {
                    if let job { try await jobs.put(job) }
                    try noteRestart(number, error)
                    try await sleep(delay)
                    delay = min(delay * 2, .seconds(10))
                }
            }
        }

        private func noteRestart(_ number: Int, _ error: ProgramError) throws {
            let now = try EventLoop.running.now
            times.removeAll { now - $0 >= .seconds(60) }
            times.append(now)
            if times.count > restarts { throw ProgramError("worker \(number) breaks too often: \(error)") }
        }
    }
}
