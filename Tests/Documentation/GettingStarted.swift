// The code of Sources/AsyncIO/AsyncIO.docc/GettingStarted.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct GettingStarted {
    @Test func aFirstProgram() {
        EventLoop.outsideOfAnyLoop {
            AsyncIO.main {
                print("Hello ...")
                try await sleep(.seconds(1))
                print("... World!")
            }
        }
    }

    @Test func severalThingsAtOnce() {
        EventLoop.outsideOfAnyLoop {
            func boil(_ what: String, for time: Duration) async throws -> String {
                try await sleep(time)
                return "\(what) is ready"
            }

            AsyncIO.main {
                let (tea, egg) = try await gather(
                    { try await boil("tea", for: .milliseconds(300)) },
                    { try await boil("egg", for: .milliseconds(500)) })
                print(tea, egg) // after half a second: the longer of the two
            }
        }
    }

    func theLandingPage() throws {
        AsyncIO.main {
            let server = try await startServer(host: "127.0.0.1", port: 8888) { reader, writer in
                for try await line in reader.lines {
                    try await writer.write("you said \(line)\n")
                }
            }
            try await server.serveForever()
        }
    }

    func aFirstServer() throws {
        AsyncIO.main {
            let server = try await startServer(host: "127.0.0.1", port: 8888) { reader, writer in
                try await writer.write("What is your name?\n")
                for try await name in reader.lines {
                    try await writer.write("Hello \(name)!\n")
                }
            }
            print("listening on", server.addresses)
            try await server.serveForever()
        }
    }

    @Test(.eventLoop) func aServerWithAnEnd() async throws {
        func startGreeter(port: Int) async throws -> Server {
            try await startServer(host: "127.0.0.1", port: port) { reader, writer in
                for try await name in reader.lines {
                    try await withTimeout(.seconds(10)) { try await writer.write("Hello \(name)!\n") }
                }
            }
        }

        func greet(_ name: String, port: Int) async throws -> String {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            defer { writer.close() }
            try await writer.write("\(name)\n")
            return try await reader.readText(until: "\n")
        }
        let greeter = try await startGreeter(port: 0)
        #expect(try await greet("Ada", port: greeter.port) == "Hello Ada!")
        try await greeter.shutdown(within: .seconds(5))
    }
}

@Test(.virtualTime) func anHourPassesAtOnce() async throws {
    let start = try EventLoop.running.now
    try await sleep(.seconds(3600))
    #expect(try EventLoop.running.now - start == .seconds(3600))
}

@Test(.virtualTime) func aTaskThatIsTooSlowIsCancelled() async throws {
    let slow = createTask { try await sleep(.seconds(60)) }
    await #expect(throws: TimeoutError.self) { try await waitFor(slow, timeout: .seconds(30)) }
    #expect(slow.wasCancelled)
}

@Test(.seeds(100)) func noUpdateIsLost() async throws {
    let lock = Lock()
    var count = 0
    try await gather(1...10) { _ in
        try await lock.withLock {
            let read = count
            try await sleep(.zero) // others run here
            count = read + 1
        }
    }
    #expect(count == 10)
}

@Test(.eventLoop) func theServerAnswers() async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
        for try await line in reader.lines { try await writer.write("\(line)\n") }
    }
    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
    try await writer.write("hello\n")
    #expect(try await reader.readTextLine() == "hello")
    writer.close()
    try await server.shutdown(within: .seconds(1))
}
