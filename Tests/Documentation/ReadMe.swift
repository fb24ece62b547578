// The code of README.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct ReadMe {
    @Test func aPageOfCode() throws {
        try EventLoop.outsideOfAnyLoop {
            func fetch(_ name: String, after delay: Duration) async throws -> String {
                print("\(name) started")
                try await sleep(delay)
                return "\(name) done"
            }

            try AsyncIO.run {
                // Two at once; their results in order.
                let (first, second) = try await gather(
                    { try await fetch("first", after: .seconds(1)) },
                    { try await fetch("second", after: .seconds(2)) })
                print(first, second)

                // A task, and a limit on how long to wait for it.
                let slow = createTask(name: "slow") { try await fetch("slow", after: .seconds(60)) }
                do {
                    print(try await waitFor(slow, timeout: .seconds(1)))
                } catch is TimeoutError {
                    print("too slow")
                }

                // Tasks share state without locks: one thread runs them all.
                var total = 0
                let queue = Queue<Int>(maxSize: 10)
                try await withAsyncTaskGroup { group in
                    try group.createTask {
                        for number in 1...100 { try await queue.put(number) }
                        queue.shutdown()
                    }
                    try group.createTask {
                        for try await number in queue { total += number }
                    }
                }
                print(total)

                // A server and a client.
                let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                    for try await line in reader.lines { try await writer.write("you said \(line)\n") }
                }
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port ?? 0)
                try await writer.write("hello\n")
                print(String(decoding: try await reader.readLine(), as: UTF8.self), terminator: "")
                writer.close()
                server.close()

                // Work that computes goes to a thread.
                print(try await toThread { (1...1_000_000).reduce(0, +) })
            }
        }
    }
}

@Test(.virtualTime) func anHourPasses() async throws {
    try await sleep(.seconds(3600)) // and Task.sleep, and any library's code
}

@Test(.seeds(100)) func noValueIsLost() async throws {
    // runs under 100 random schedules; the seed that fails is named, ASYNCIO_SEED repeats it
}
