import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import Testing

@testable import TenPrograms

@Suite(.eventLoop(limit: .seconds(60)), .serialized) struct ServerTests {
    // MARK: Chat

    private func chat(_ version: Version, _ body: (Server) async throws -> Void) async throws {
        let (backlog, patience) = (10, Duration.milliseconds(200))
        let server =
            switch version {
            case .byHand: try await ByHand.chat(backlog: backlog, patience: patience)
            case .short: try await Short.chat(backlog: backlog, patience: patience)
            }
        try await withServer(server, grace: .zero, body)
    }

    private func join(_ server: Server, as name: String) async throws -> Client {
        let client = try await Client(server)
        try await client.say(name)
        // When the client gets its own line back, it has joined.
        try await client.say("I am here")
        #expect(try await client.next() == "\(name): I am here")
        return client
    }

    @Test(arguments: Version.allCases) func thoseInARoomHearEachOther(version: Version) async throws {
        try await chat(version) { server in
            let ann = try await join(server, as: "ann")
            let ben = try await join(server, as: "ben")
            #expect(try await ann.next() == "ben: I am here")
            try await ann.say("hello")
            #expect(try await ben.next() == "ann: hello")
            #expect(try await ann.next() == "ann: hello")
            try await ann.say("/join garden")
            try await ann.say("anyone?")
            #expect(try await ann.next() == "ann: anyone?")
            try await ben.say("/join garden")
            try await ben.say("yes")
            #expect(try await ben.next() == "ben: yes")
            #expect(try await ann.next() == "ben: yes")
            for client in [ann, ben] { client.writer.close() }
        }
    }

    @Test(arguments: Version.allCases) func aSlowClientIsCutOffAndDelaysNobody(version: Version) async throws {
        try await chat(version) { server in
            let slow = try await join(server, as: "slow")
            let ann = try await join(server, as: "ann")
            let text = String(repeating: "x", count: 10_000)
            // This is more than the sockets can buffer.
            for _ in 0..<2_000 {
                try await ann.say(text)
                #expect(try await ann.next() == "ann: \(text)")
            }
            try await eventually { server.connectionCount == 1 }
            #expect(await slow.readToTheEnd() < 2_000 * 10_000)
            try await ann.say("still here")
            #expect(try await ann.next() == "ann: still here")
            for client in [slow, ann] { client.writer.close() }
        }
    }

    // MARK: Jobs

    /// Runs the job server until the signal. Returns how many connections were cut off, and the progress of the shutdown.
    private func jobs(
        _ version: Version, restarts: Int = 10, grace: Duration = .seconds(20),
        perform: @escaping (String) async throws -> String, _ body: @escaping (Server) async throws -> Void
    ) async throws -> (cutOff: Int, progress: [Int]) {
        let run =
            switch version {
            case .byHand: ByHand.jobs
            case .short: Short.jobs
            }
        var progress: [Int] = []
        var client: AsyncTask<Void>?
        let cutOff = try await run(
            2, restarts, .user1, grace, { server in client = createTask { try await body(server) } },
            { progress.append($0) }, perform)
        try await client?.value
        return (cutOff, progress)
    }

    @Test(arguments: Version.allCases) func jobsThatWereAcceptedAreFinishedAfterTheSignal(version: Version) async throws
    {
        let (isRunning, canFinish) = (Event(), Event())
        let (cutOff, progress) = try await jobs(version) { job in
            isRunning.set()
            if job == "long" { try await canFinish.wait() }
            return "\(job) done"
        } _: { server in
            let (ann, idle) = (try await Client(server), try await Client(server))
            try await ann.say("short")
            #expect(try await ann.next() == "short done")
            try await ann.say("long")
            try await isRunning.wait()
            #expect(raise(SIGUSR1) == 0)
            // The server does not wait for an idle connection.
            #expect(try await idle.next() == nil)
            #expect(!server.isServing)
            canFinish.set()
            #expect(try await ann.next() == "long done")
            #expect(try await ann.next() == nil)
            for client in [ann, idle] { client.writer.close() }
        }
        #expect(cutOff == 0)
        #expect(progress.first == 2 && progress.last == 0)
    }

    @Test(arguments: Version.allCases) func aJobWhoseWorkerBreaksIsDoneAgain(version: Version) async throws {
        var attempts = 0
        let (cutOff, _) = try await jobs(version) { job in
            attempts += 1
            if attempts <= 3 { throw ProgramError("broken") }
            return "\(job) done"
        } _: { server in
            let ann = try await Client(server)
            try await ann.say("fragile")
            #expect(try await ann.next() == "fragile done")
            ann.writer.close()
            #expect(raise(SIGUSR1) == 0)
        }
        #expect(cutOff == 0 && attempts == 4)
    }

    @Test(arguments: Version.allCases) func workersThatBreakTooOftenEndTheProgram(version: Version) async throws {
        await #expect(throws: (any Error).self) {
            try await jobs(version, restarts: 2) { _ in
                throw ProgramError("broken")
            } _: { server in
                let ann = try await Client(server)
                try await ann.say("fragile")
                #expect(try await ann.next() == nil)
                ann.writer.close()
            }
        }
    }

    @Test(arguments: Version.allCases) func jobsThatTakeTooLongAreCutOff(version: Version) async throws {
        let (cutOff, _) = try await jobs(version, grace: .milliseconds(50)) { _ in
            #expect(raise(SIGUSR1) == 0)
            try await sleep(.seconds(3_600))
            return "never"
        } _: { server in
            let ann = try await Client(server)
            try await ann.say("forever")
            #expect(await ann.readToTheEnd() == 0)
            ann.writer.close()
        }
        #expect(cutOff == 1)
    }

    // MARK: Frames

    private func frames(_ version: Version) async throws -> Server {
        switch version {
        case .byHand: try await ByHand.frames(maxLength: 100_000)
        case .short: try await Short.frames(maxLength: 100_000)
        }
    }

    @Test(arguments: Version.allCases) func messagesKeepTheirBordersAndOrder(version: Version) async throws {
        try await withServer(try await frames(version)) { server in
            let messages: [[UInt8]] = (0..<200).map { number in
                (0..<(number * 37)).map { UInt8(truncatingIfNeeded: $0) }
            }
            let answers =
                switch version {
                case .byHand: try await ByHand.exchange(messages, maxLength: 100_000, port: server.port)
                case .short: try await Short.exchange(messages, maxLength: 100_000, port: server.port)
                }
            #expect(answers == messages.map { $0.reversed() })
        }
    }

    @Test(arguments: Version.allCases) func aMessageThatIsTooLongEndsItsConnection(version: Version) async throws {
        var reports: [any Error] = []
        try EventLoop.running.setExceptionHandler { context in if let error = context.error { reports.append(error) } }
        defer { try? EventLoop.running.setExceptionHandler(nil) }
        try await withServer(try await frames(version)) { server in
            let client = try await Client(server)
            try await client.writer.write([0x7F, 0xFF, 0xFF, 0xFF])
            #expect(await client.readToTheEnd() == 0)
            client.writer.close()
        }
        #expect(reports.count == 1)
    }

    // MARK: TLS proxy

    private func proxy(
        _ version: Version, limit: Int = 10, patience: Duration = .seconds(60),
        backend: @escaping (StreamReader, StreamWriter) async throws -> Void,
        _ body: (Server, TLSContext) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ten-programs-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let status = try await createSubprocess(
            "openssl",
            arguments: [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", "\(folder)/key.pem", "-out", "\(folder)/cert.pem",
            ], stderr: .devNull
        ).wait()
        #expect(status == 0)
        let tls = try TLSContext.server(certificate: "\(folder)/cert.pem", key: "\(folder)/key.pem")
        let client = try TLSContext.client(systemTrust: false)
        try client.trust(file: "\(folder)/cert.pem")
        try await withServer(try await startServer(host: "127.0.0.1", port: 0, backend), grace: .zero) { backend in
            let server =
                switch version {
                case .byHand: try await ByHand.tlsProxy(tls, to: backend.port, limit: limit, patience: patience)
                case .short: try await Short.tlsProxy(tls, to: backend.port, limit: limit, patience: patience)
                }
            try await withServer(server, grace: .zero) { try await body($0, client) }
        }
    }

    @Test(.requires(.openssl, .tls), arguments: Version.allCases)
    func theProxyPassesBytesBothWays(version: Version) async throws {
        try await proxy(version) { reader, writer in
            for try await line in reader.lines { try await writer.write("\(line) \(line.count)\n") }
        } _: { server, tls in
            let client = try await Client(server, tls: tls)
            #expect(client.writer.tls != nil)
            for text in ["hello", String(repeating: "x", count: 50_000)] {
                try await client.say(text)
                #expect(try await client.next() == "\(text) \(text.count)")
            }
            client.writer.close()
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test(.requires(.openssl, .tls), arguments: Version.allCases)
    func theEndOfTheBackendEndsTheConnection(version: Version) async throws {
        try await proxy(version) { _, writer in
            try await writer.write("goodbye\n")
        } _: { server, tls in
            let client = try await Client(server, tls: tls)
            #expect(try await client.next() == "goodbye")
            #expect(try await client.next() == nil)
            client.writer.close()
        }
    }

    @Test(.requires(.openssl, .tls), arguments: Version.allCases)
    func moreClientsThanTheLimitWait(version: Version) async throws {
        try await proxy(version, limit: 1) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        } _: { server, tls in
            let first = try await Client(server, tls: tls)
            try await first.say("one")
            #expect(try await first.next() == "one")
            let second = createTask {
                let client = try await Client(server, tls: tls)
                try await client.say("two")
                let answer = try await client.next()
                client.writer.close()
                return answer
            }
            try await sleep(.milliseconds(100))
            #expect(!second.isDone)
            first.writer.close()
            #expect(try await second.value == "two")
        }
    }

    @Test(.requires(.openssl, .tls), arguments: Version.allCases)
    func aSilentConnectionIsCutOff(version: Version) async throws {
        try await proxy(version, patience: .milliseconds(200)) { reader, _ in
            _ = try await reader.read()
        } _: { server, tls in
            let client = try await Client(server, tls: tls)
            #expect(await client.readToTheEnd() == 0)
            try await eventually { server.connectionCount == 0 }
            client.writer.close()
        }
    }

    // MARK: Topics

    private func topics(_ version: Version, _ body: (Server) async throws -> Void) async throws {
        let server =
            switch version {
            case .byHand: try await ByHand.topics(backlog: 20)
            case .short: try await Short.topics(backlog: 20)
            }
        try await withServer(server, grace: .zero, body)
    }

    @Test(arguments: Version.allCases) func subscribersGetTheLatestMessageAndThoseAfterIt(version: Version) async throws
    {
        try await topics(version) { server in
            let (ann, ben) = (try await Client(server), try await Client(server))
            for text in ["rain", "sun and wind"] { try await ann.say("PUB weather \(text)") }
            try await ann.say("SUB weather")
            #expect(try await ann.next() == "sun and wind")
            try await ben.say("SUB news")
            try await ben.say("SUB weather")
            #expect(try await ben.next() == "sun and wind")
            try await ann.say("PUB weather snow")
            #expect(try await ann.next() == "snow")
            #expect(try await ben.next() == "snow")
            try await ben.say("nonsense there")
            #expect(try await ben.next() == "error")
            for client in [ann, ben] { client.writer.close() }
        }
    }

    @Test(arguments: Version.allCases) func aSlowSubscriberIsToldHowManyItMissed(version: Version) async throws {
        try await topics(version) { server in
            let (slow, ann) = (try await Client(server), try await Client(server))
            let text = String(repeating: "x", count: 20_000)
            try await slow.say("PUB news first")
            try await slow.say("SUB news")
            #expect(try await slow.next() == "first")
            for _ in 0..<2_000 { try await ann.say("PUB news \(text)") }
            // When this message arrives, all messages before it have been published.
            try await ann.say("SUB end")
            try await ann.say("PUB end now")
            #expect(try await ann.next() == "now")
            var (received, missed) = (0, 0)
            while received + missed < 2_000, let line = try await slow.next() {
                if line == text { received += 1 } else { missed += Int(line.dropFirst("missed ".count)) ?? 10_000 }
            }
            #expect(missed > 0 && received >= 20 && received + missed == 2_000)
            for client in [slow, ann] { client.writer.close() }
        }
    }

    // MARK: Farm

    private func farm(_ version: Version, size: Int = 2, _ lines: [String]) async throws -> [String] {
        let script = """
            while read line; do
                set -- $line
                case $1 in
                    die) if [ -e $2 ]; then echo survived; else touch $2; exit 1; fi;;
                    hang) exec sleep 600;;
                    who) echo $$;;
                    *) echo "$line!";;
                esac
            done
            """
        let (program, arguments, limit) = ("sh", ["-c", script], Duration.milliseconds(500))
        return switch version {
        case .byHand: try await ByHand.farm(program, arguments, size: size, limit: limit, lines: lines)
        case .short: try await Short.farm(program, arguments, size: size, limit: limit, lines: lines)
        }
    }

    @Test(arguments: Version.allCases) func linesAreAnsweredInOrderByFewProcesses(version: Version) async throws {
        let lines = (0..<50).map { "line \($0)" }
        #expect(try await farm(version, lines) == lines.map { $0 + "!" })
        let processes = try await farm(version, Array(repeating: "who", count: 30))
        #expect((1...2).contains(Set(processes).count))
    }

    @Test(arguments: Version.allCases) func aLineWhoseProcessDiesIsGivenToAnother(version: Version) async throws {
        let mark = FileManager.default.temporaryDirectory.appendingPathComponent("ten-programs-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: mark) }
        #expect(try await farm(version, size: 1, ["a", "die \(mark)", "b"]) == ["a!", "survived", "b!"])
    }

    @Test(arguments: Version.allCases) func aProcessThatHangsIsKilled(version: Version) async throws {
        await #expect(throws: TimeoutError.self) { try await farm(version, ["a", "hang", "b"]) }
    }
}

/// Waits until a condition is true.
private func eventually(_ condition: () -> Bool) async throws {
    while !condition() { try await sleep(.milliseconds(5)) }
}
