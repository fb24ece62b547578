// The code of README.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct ReadMe {
    @Test func aPageOfCode() {
        EventLoop.outsideOfAnyLoop {
            func fetch(_ name: String, after delay: Duration) async throws -> String {
                print("\(name) started")
                try await sleep(delay)
                return "\(name) done"
            }

            AsyncIO.main {
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
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                try await writer.write("hello\n")
                if let answer = try await reader.readTextLine() { print(answer) }
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

func handle(_ request: String) async throws -> String { request }

@Suite(.eventLoop) struct ReadMeSections {
    func network() async throws {
        let tls = try TLSContext.server(certificate: "cert.pem", key: "key.pem")
        let server = try await startServer(host: .anyInterface, port: 8443, tls: tls) { reader, writer in
            for try await line in reader.lines { try await writer.write("\(try await handle(line))\n") }
        }
        try await server.shutdown(within: .seconds(10)) // accept no more, drain, then cut off

        // An address that keeps silent costs 250 ms; the certificate must be good, and for the host.
        let (reader, writer) = try await openConnection(
            host: "example.com", port: 443, happyEyeballsDelay: .milliseconds(250), tls: .client())
        print(reader, writer)
    }

    @Test(.requires(.grep)) func children() async throws {
        let pattern = "a"
        let sort = try await createSubprocess("sort", arguments: ["-n"], stdin: .pipe, stdout: .pipe)
        let (sorted, _) = try await sort.communicate("10\n9\n")

        // One that does not outlive its scope: asked to end, then killed, and waited for.
        let found = try await withTimeout(.seconds(10)) {
            try await withSubprocess("grep", arguments: ["-c", pattern, "/etc/passwd"], stdout: .pipe) { grep in
                try await grep.stdout?.readLine()
            }
        }
        #expect(sorted == Array("9\n10\n".utf8))
        #expect(found?.isEmpty == false)
    }

    func workers() throws {
        try runWorkers(listen: [.tcp(host: .anyInterface, port: 8080)]) { worker in
            let server = try await startServer(descriptors: worker.sockets) { reader, writer in
                for try await line in reader.lines { try await writer.write("\(try await handle(line))\n") }
            }
            try await worker.serve(server)
        }
    }

    func files(_ text: String) async throws {
        try await writeFile("settings", text) // the old content or the new, whatever goes wrong
        try await withFile("log", .append) { log in try await log.write("saved\n") }
    }
}
