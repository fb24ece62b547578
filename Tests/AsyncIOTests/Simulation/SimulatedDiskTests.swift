import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite("The disk of a simulated host", .simulation) struct SimulatedDiskTests {
    @Test("files are read and written as on a real disk, and each host has its own") func files() async throws {
        let net = try Network.current
        try await writeFile("a.txt", "one\ntwo\n")
        #expect(try await readText("./a.txt") == "one\ntwo\n")
        let file = try await openFile("a.txt", .append)
        try await file.write("three\n")
        #expect(try file.size == 14)
        try await file.close()
        var lines: [String] = []
        try await withFile("a.txt") { file in for try await line in file.lines { lines.append(line) } }
        #expect(lines == ["one", "two", "three"])
        let missing = await #expect(throws: OSError.self) { _ = try await openFile("/nowhere") }
        #expect(missing?.code == .noSuchFileOrDirectory)
        try await withReplacement(of: "a.txt") { try await $0.write("new") }
        #expect(try await readText("a.txt") == "new")
        let other = try net.host("other") {
            await #expect(throws: OSError.self) { try await readFile("a.txt") }
        }
        try await sleep(.seconds(1))
        #expect(other.disk.paths.isEmpty)
        #expect(try Host.current.disk.paths == ["/a.txt"])
    }

    @Test("a power failure keeps what was synced, and may lose the rest", .simulation(seeds: 50))
    func powerFailure() async throws {
        let net = try Network.current
        let host = try net.host("a") {
            try await writeFile("config", "old")
            let log = try await openFile("log", .append)
            try await log.write("1")
            try await log.sync()
            try await log.write("23")
            try await writeFile("config", "new", sync: false)
            try await sleep(.seconds(100))
        }
        try await sleep(.seconds(1))
        try await net.crash(host, by: .powerFailure)
        let log = try #require(host.disk.contents(of: "log"))
        #expect(["1", "12", "123"].contains(String(decoding: log, as: UTF8.self)))
        let config = try #require(host.disk.contents(of: "config"))
        #expect(["old", "", "n", "ne", "new"].contains(String(decoding: config, as: UTF8.self)))
    }

    @Test("a program that is killed loses nothing that it has written") func killed() async throws {
        let net = try Network.current
        let host = try net.host("a") {
            let log = try await openFile("log", .append)
            try await log.write("1")
            try await sleep(.seconds(100))
        }
        try await sleep(.seconds(1))
        try await net.crash(host)
        #expect(host.disk.contents(of: "log") == Array("1".utf8))
    }

    @Test("a disk can be slow, full, or broken") func faults() async throws {
        let disk = try Host.current.disk
        disk.latency = .seconds(1)...(.seconds(1))
        disk.syncLatency = .seconds(5)...(.seconds(5))
        let start = ContinuousClock.now
        try await writeFile("a", "x")
        #expect(start.duration(to: .now) == .seconds(6))
        disk.capacity = 10
        let full = await #expect(throws: OSError.self) { try await writeFile("b", "0123456789") }
        #expect(full?.code == .noSpace)
        disk.error = .ioError
        let broken = await #expect(throws: OSError.self) { try await readFile("a") }
        #expect(broken?.code == .ioError)
    }
}
