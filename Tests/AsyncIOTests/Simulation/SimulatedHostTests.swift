import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite("Hosts of a simulated network", .simulation) struct SimulatedHostTests {
    @Test("a program that is killed never continues, and none of its clean-up runs") func killed() async throws {
        let net = try Network.current
        var log: [String] = []
        let host = try net.host("a") {
            defer { log.append("cleaned up") }
            createTask {
                do { try await sleep(.seconds(5)) } catch { log.append("child was cancelled") }
                log.append("child")
            }
            _ = try EventLoop.running.callLater(.seconds(5)) { log.append("callback") }
            try await withTimeout(.seconds(100)) { try await sleep(.seconds(50)) }
            log.append("end")
        }
        try await sleep(.seconds(1))
        try await net.crash(host)
        #expect(!host.isRunning)
        try await sleep(.seconds(1000))
        #expect(log.isEmpty)
        net.assertNoLeaks()
    }

    @Test("a program that is cancelled cleans up") func cancelled() async throws {
        let net = try Network.current
        var log: [String] = []
        let host = try net.host("a") {
            defer { log.append("main") }
            let child = createTask {
                do { try await sleep(.seconds(50)) } catch {
                    log.append("child")
                    throw error
                }
            }
            try await child.value
        }
        try await sleep(.seconds(1))
        try await net.crash(host, by: .cancellation)
        #expect(log.sorted() == ["child", "main"])
    }

    @Test("a program can kill its own host, and starts again") func killsItself() async throws {
        let net = try Network.current
        var starts = 0
        let host = try net.host("a") {
            starts += 1
            if starts == 1 {
                try await Network.current.crash(.current)
                Issue.record("a program that was killed continues")
            }
            try await sleep(.seconds(10))
        }
        try await sleep(.seconds(1))
        #expect(starts == 1 && !host.isRunning)
        try await net.restart(host)
        try await sleep(.seconds(1))
        #expect(starts == 2 && host.isRunning && host.startCount == 2)
    }

    @Test("tasks, callbacks, handlers of connections, and done callbacks belong to the host that created them")
    func belongs() async throws {
        let net = try Network.current
        var found: [String: String] = [:]
        @MainActor func note(_ what: String) { found[what] = (try? Host.current.name) ?? "none" }
        try net.host("a") {
            note("program")
            let task = createTask { note("task") }
            task.addDoneCallback { _ in note("done callback") }
            _ = try EventLoop.running.callSoon { note("callback") }
            _ = try EventLoop.running.callLater(.seconds(1)) { note("timer") }
            async let child = (try? Host.current.name) ?? "none"
            found["async let"] = await child
            let server = try await startServer(port: 7) { _, _ in note("handler") }
            _ = try await EventLoop.running.createServer(port: 8) {
                note("factory")
                let receiver = RecordingProtocol()
                receiver.onMade = { _ in note("connectionMade") }
                return receiver
            }
            try await server.serveForever()
        }
        try await sleep(.seconds(2))
        for port in [7, 8] {
            let (_, writer) = try await openConnection(host: "a", port: port)
            try await sleep(.seconds(1))
            writer.close()
        }
        let expected = [
            "program", "task", "done callback", "callback", "timer", "async let", "handler", "factory",
            "connectionMade",
        ]
        #expect(found == Dictionary(uniqueKeysWithValues: expected.map { ($0, "a") }))
        #expect(try Host.current.name == "test")
    }

    @Test("a paused host stands still while its system accepts bytes") func paused() async throws {
        let net = try Network.current
        var ticks = 0
        let host = try net.host("a") {
            createTask {
                while true {
                    try await sleep(.seconds(1))
                    ticks += 1
                }
            }
            let server = try await startServer(port: 7) { reader, writer in
                try await writer.write("\(reader.readTextLine() ?? "")\n")
            }
            try await server.serveForever()
        }
        try await sleep(.milliseconds(3_500))
        #expect(ticks == 3)
        net.pause(host)
        let (reader, writer) = try await openConnection(host: "a", port: 7)
        try await writer.write("hello\n")
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(10)) { try await reader.readLine() }
        }
        #expect(ticks == 3)
        net.resume(host)
        #expect(try await reader.readTextLine() == "hello")
        try await sleep(.seconds(2))
        #expect((5...6).contains(ticks))
        writer.close()
    }

    @Test("the clocks of a host can be wrong") func clockSkew() async throws {
        let net = try Network.current
        var dates: [Double] = []
        @MainActor func note() { dates.append(Date().timeIntervalSinceReferenceDate) }
        let host = try net.host("a") {
            // In a step after a wait, in the first step of a task, and in a callback.
            try await sleep(.seconds(1))
            note()
            createTask { note() }
            _ = try EventLoop.running.callLater(.seconds(1)) { note() }
            try await sleep(.seconds(10))
        }
        host.clockOffset = .seconds(1000)
        try await sleep(.milliseconds(1500))
        #expect(Date().timeIntervalSinceReferenceDate == 1.5)
        try await sleep(.seconds(1))
        #expect(dates == [1001, 1001, 1002])
    }

    @Test("names of hosts are unique, and a group's name stands for all of them") func names() async throws {
        let net = try Network.current
        let web = try net.host("web", count: 3) { try await sleep(.seconds(1)) }
        #expect(web.map(\.name) == ["web-0", "web-1", "web-2"] && web.map(\.index) == [0, 1, 2])
        #expect(throws: ValueError.self) { try net.host("web") {} }
        #expect(throws: ValueError.self) { try net.host("web-1") {} }
        #expect(throws: ValueError.self) { try net.host(named: "db") }
        let addresses = try await EventLoop.running.getAddrInfo(host: "web", service: "80")
        #expect(addresses.map(\.host) == web.map(\.address))
        let name = try await EventLoop.running.getNameInfo(addresses[1]).host
        #expect(name == "web-1")
    }

    @Test("what is left at the end is found") func leaks() async throws {
        let net = try Network.current
        try net.host("a") {
            let loop = try EventLoop.running
            try loop.callLater(.milliseconds(1)) {}
            try loop.callLater(.seconds(1000)) {}.cancel()
            try loop.callLater(.seconds(1000)) {}
            let server = try await startServer(port: 7) { _, _ in try await sleep(.seconds(1000)) }
            try await server.serveForever()
        }
        try await settled()
        let (_, writer) = try await openConnection(host: "a", port: 7)
        try await sleep(.seconds(1))
        let leaks = net.leaks
        #expect(leaks.contains { $0.contains("test: connection #1 to a is open") })
        #expect(leaks.contains { $0.contains("a: something is still listening on") })
        #expect(leaks.contains { $0.hasPrefix("a: Task") })
        #expect(leaks.contains("a: 1 timer is set"))
        withKnownIssue { net.assertNoLeaks() }
        writer.close()
    }

    @Test("an error of a program is reported") func programFails() async throws {
        let net = try Network.current
        let reports = try ReportRecorder()
        try net.host("a") { throw ValueError("no port is given") }
        try await sleep(.seconds(1))
        #expect(reports.messages == ["The program of a simulated host failed"])
        #expect(reports.reports.first?.subject == "a")
    }
}
