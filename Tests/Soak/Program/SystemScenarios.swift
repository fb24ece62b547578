import AsyncIO
import Glibc
import SystemPackage

/// Files, processes, signals, threads, and names, which need real time.
func systemScenarios() -> [Scenario] {
    [
        Scenario("files") {
            try await withFolderEntry { path in
                try await withFile(path, .write) { file in
                    for number in 0..<20 { try await file.write("line \(number)\n") }
                }
                var count = 0
                try await withFile(path) { file in for try await _ in file.lines { count += 1 } }
                try expect(count == 20, "read \(count) of 20 lines")
                try await writeFile(path, "new", sync: false)
                try await withReplacement(of: path, sync: false) { file in try await file.write("newer") }
                try expect(try await readText(path) == "newer", "a file was not replaced")
            }
        },
        Scenario("files that are left in the middle") {
            try await withFolderEntry { path in
                let task = createTask {
                    try await withReplacement(of: path) { file in
                        while true { try await file.write([UInt8](repeating: 1, count: 50_000)) }
                    }
                }
                try await sleep(some(0...5))
                task.cancel()
                do { try await task.value } catch is CancellationError {}
                try expect(access(path, F_OK) != 0, "half a file")
            }
        },
        Scenario("a child that answers") {
            try await withSubprocess("cat", stdin: .pipe, stdout: .pipe) { process in
                let text = [UInt8](repeating: 65, count: chance.next(in: 1...100_000))
                let (output, _) = try await process.communicate(text)
                try expect(output == text && process.returnCode == 0, "wrong output of cat")
            }
        },
        Scenario("a child that must be killed") {
            try await withSubprocess(shell: "trap '' TERM; while :; do sleep 0.01; done", grace: .milliseconds(20)) {
                _ in
                try await sleep(some(0...10))
            }
        },
        Scenario("a child of a task that is cancelled") {
            let task = createTask {
                try await withSubprocess(shell: "yes", stdout: .pipe) { process in
                    while true { _ = try await process.stdout?.readLine() }
                }
            }
            try await sleep(some(0...10))
            task.cancel()
            do { try await task.value } catch is CancellationError {}
        },
        Scenario("a child on a terminal") {
            var options = SubprocessOptions()
            options.terminal = TerminalSize()
            try await withSubprocess(shell: "echo hello; read line", options: options) { process in
                let line = try await process.terminal?.reader.readLine() ?? []
                try expect(line.starts(with: Array("hello".utf8)), "no line from a terminal")
            }
        },
        Scenario("no such program") {
            do {
                try await withSubprocess("/no/such/program") { _ in }
                throw Failure("a program that does not exist was started")
            } catch is OSError {}
        },
        Scenario("signals") {
            let arrivals = try signals(.user1)
            kill(getpid(), SIGUSR1)
            for try await signal in arrivals {
                try expect(signal == .user1, "\(signal)")
                break
            }
        },
        Scenario("threads") {
            let sum = try await toThread { (0..<1000).reduce(0, +) }
            try expect(sum == 499_500, "\(sum)")
            let task = createTask { try await toThread { usleep(3000) } }
            try await sleep(some(0...4))
            task.cancel()
            _ = try? await task.value
        },
        Scenario("names") {
            let addresses = try await EventLoop.running.getAddrInfo(host: "localhost", service: "80")
            try expect(!addresses.isEmpty, "localhost has no address")
            let task = createTask { try await EventLoop.running.getAddrInfo(host: "localhost", service: "80") }
            try await sleep(.zero)
            task.cancel()
            _ = try? await task.value
        },
        Scenario("pipes as streams") {
            let (reading, writing) = try FileDescriptor.pipe()
            let (reader, writer) = (
                try openReader(descriptor: reading.rawValue), try openWriter(descriptor: writing.rawValue)
            )
            let (_, bytes) = try await gather(
                {
                    try await writer.write([UInt8](repeating: 1, count: 200_000))
                    writer.close()
                },
                { try await reader.read() })
            try expect(bytes.count == 200_000, "\(bytes.count) bytes through a pipe")
        },
    ]
}

/// Runs `body` with an unused name for a file.
private func withFolderEntry(_ body: (String) async throws -> Void) async throws {
    let path = "/tmp/asyncio-soak-\(getpid())-\(UInt64.random(in: 0...UInt64.max, using: &chance))"
    defer { unlink(path) }
    try await body(path)
}
