// The code of Sources/AsyncIO/AsyncIO.docc/Deploying.md. It listens on fixed ports and handles
// signals, so it is only compiled. Examples and Tests/Programs contain programs that run.

import AsyncIO

func handle(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    for try await line in reader.lines { try await writer.write("\(line)\n") }
}

/// From the documentation of `AsyncIO.main`.
enum AsyncMains {
    static func serve() async throws {}

    struct Program {
        static func main() async {
            await AsyncIO.main { try await serve() }
        }
    }
}

enum Deploying {
    static func untilTold() throws {
        AsyncIO.main {
            let server = try await startServer(host: .anyInterface, port: 8080) { reader, writer in
                try await handle(reader, writer)
            }
            try await server.serve(until: .terminate, .interrupt, grace: .seconds(20))
        }
    }

    static func draining() async throws {
        func perform(_ job: Int) async throws { try await sleep(.seconds(job)) }
        func produce(_ jobs: Queue<Int>) async throws {
            while true { try await jobs.put(1) }
        }
        let jobs = Queue<Int>(maxSize: 100)
        let workers = (1...4).map { number in
            createTask(name: "worker \(number)") {
                for try await job in jobs { try await perform(job) }
            }
        }
        let producer = createTask(name: "producer") { try await produce(jobs) }
        try await signals(.terminate, .interrupt).next()
        producer.cancel()
        jobs.shutdown() // the workers still take what is in the queue
        let (_, late) = try await wait(workers, timeout: .seconds(20))
        print("\(jobs.count) jobs were not started, and \(late.count) are cut off")
    }

    static func severalWorkers() throws {
        try runWorkers(count: .cores, listen: [.tcp(host: .anyInterface, port: 8080)], grace: .seconds(20)) { worker in
            let server = try await startServer(on: .sockets(worker.sockets)) { reader, writer in
                try await handle(reader, writer)
            }
            try await worker.serve(server)
        }
    }

    static func socketActivation() throws {
        AsyncIO.main {
            let sockets = Server.takeSystemdSockets()
            let listener: Server.Listener =
                sockets.isEmpty ? .tcp(host: "127.0.0.1", port: 8080) : .sockets(sockets)
            let server = try await startServer(on: listener) { try await handle($0, $1) }
            try await server.serve(until: .terminate, .interrupt, grace: .seconds(20))
        }
    }
}
