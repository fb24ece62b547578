import AsyncIO

extension Short {
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
        let jobs = Queue<(line: String, result: Future<String>)>(maxSize: 100)
        let arrivals = try signals(signal)
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let stopped = { () async throws -> String? in
                try await stop.wait()
                return nil
            }
            while let line = try await race({ try await reader.readTextLine() }, stopped) {
                let result = Future<String>()
                try await jobs.put((line, result))
                try await writer.write(result.value + "\n")
            }
        }
        whenReady(server)
        let supervisor = Supervisor(
            restarts: restarts, per: .seconds(60), backoff: Backoff(initial: .milliseconds(100), maximum: .seconds(10)))
        for number in 1...workers {
            supervisor.add("worker \(number)") {
                for try await job in jobs {
                    do {
                        let result = try await perform(job.line)
                        if !job.result.isDone { try job.result.setResult(result) }
                    } catch let error as ProgramError {
                        try await jobs.put(job)
                        throw error
                    }
                }
            }
        }
        return try await withServer(server, grace: .zero) { server in
            try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
                let crew = try group.createTask { try await supervisor.run() }
                try await arrivals.next()
                stop.set()
                let cutOff = try await server.shutdown(within: grace, progress: progress)
                crew.cancel()
                return cutOff
            }
        }
    }
}
