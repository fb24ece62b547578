// Programs whose system calls fail, one for each scenario. `refuse ERRNO NUMBER,… SCENARIO` makes
// the kernel refuse calls by their numbers, as a container's filter does. `accept ERRNO TIMES
// WATCHES` makes accepting connections fail, and then watching the listening socket.

import AsyncIO
import FaultInjection
import Glibc

nonisolated func say(_ line: String) {
    print(line)
    fflush(nil)
}

alarm(60)

/// The calls of the exception handler.
var reports: [String] = []

func noteReports() throws {
    try EventLoop.running.setExceptionHandler { context in
        reports.append("\(context.message): \(context.error.map { "\($0)" } ?? "")")
    }
}

/// Times that are not whole milliseconds, together with a server that listens.
func timers() async throws {
    let loop = try EventLoop.running
    let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in writer.close() }
    let turns = loop.turns
    for _ in 0..<3 { try await sleep(.microseconds(1_500)) }
    say("slept in \(loop.turns - turns < 100 ? "few" : "many") turns")
    server.close()
}

func ask(_ port: Int) async throws -> String {
    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
    defer { writer.close() }
    try await writer.write("hello\n")
    return try await reader.readText(until: "\n")
}

/// Answers a client after `times` connections were lost.
func serve(losing times: Int) async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
        try await writer.write(try await reader.readLine())
    }
    let port = server.port
    for _ in 0..<times {
        do { say("lost: \(try await ask(port).isEmpty)") } catch { say("lost: true") }
    }
    say("answer: \(try await ask(port))")
    server.close()
}

/// Starts and ends a child, which must not inherit the open descriptors.
func child() async throws {
    let stray = dup2(open("/dev/null", O_RDONLY), 77)
    let listing = try await withSubprocess("/bin/ls", arguments: ["/proc/self/fd"], stdout: .pipe) { process in
        String(decoding: try await process.communicate().stdout ?? [], as: UTF8.self)
    }
    close(stray)
    say("the child has it: \(listing.split(separator: "\n").contains("77"))")
    let status = try await withSubprocess("/bin/sleep", arguments: ["100"]) { process in
        try process.terminate()
        return try await process.wait()
    }
    say("ended with \(status)")
}

/// Writes and reads a file in all ways.
func files() async throws {
    let path = "/tmp/asyncio-faulty-\(getpid())"
    defer { unlink(path) }
    try await writeFile(path, "one\ntwo\n")
    try await withFile(path, .append) { try await $0.write("three\n") }
    say("read \(try await readFile(path).count) bytes")
    var lines: [String] = []
    try await withFile(path) { file in for try await line in file.lines { lines.append(line) } }
    say(lines.joined(separator: " "))
    // From a file to a socket.
    let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
        try await writer.write("\(try await reader.read().count) came\n")
    }
    let (transport, answer) = try await EventLoop.running.createConnection(host: "127.0.0.1", port: server.port) {
        Answer()
    }
    let file = open(path, O_RDONLY)
    let sent = try await EventLoop.running.sendFile(transport, file)
    close(file)
    try transport.writeEOF()
    while answer.text.isEmpty { try await sleep(.milliseconds(1)) }
    say("sent \(sent): \(answer.text.dropLast())")
    transport.close()
    server.close()
}

final class Answer: ConnectionProtocol {
    var text = ""
    func dataReceived(_ bytes: [UInt8]) { text += String(decoding: bytes, as: UTF8.self) }
}

/// A poller that fails permanently ends the run, and the remaining tasks are cancelled.
func pollerFails() {
    do {
        try AsyncIO.run {
            try noteReports()
            createTask {
                do { try await sleep(.seconds(100)) } catch {
                    say("cleaned up")
                    throw error
                }
            }
            try await sleep(.zero)
            let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in writer.close() }
            try await server.serveForever()
        }
        say("it ran")
    } catch {
        say("\(error)")
    }
    say("\(reports.count) reports")
}

/// A loop whose thread cannot get its scheduling policy is not started.
func batchIsRefused() throws {
    do {
        try EventLoopThread(name: "batch", scheduling: .batch).close()
        say("it ran")
    } catch {
        say("\(error)")
    }
    let io = try EventLoopThread(name: "normal")
    let runs = try io.wait { _ in true }
    try io.close()
    say("a normal loop runs: \(runs)")
}

let arguments = Array(CommandLine.arguments.dropFirst())
switch arguments.first {
case "refuse":
    let numbers = arguments[2].split(separator: ",").compactMap { Int32($0) }
    guard faults_refuse(Int32(arguments[1]) ?? EPERM, numbers, Int32(numbers.count)) else {
        say("this system has no filters")
        exit(0)
    }
    if arguments[3] == "batch" {
        try batchIsRefused()
        exit(0)
    }
    if arguments[3] == "poller" {
        pollerFails()
        exit(0)
    }
    do {
        try AsyncIO.run {
            try noteReports()
            switch arguments[3] {
            case "timers": try await timers()
            case "serve": try await serve(losing: 0)
            case "child": try await child()
            case "files": try await files()
            default: say("no such scenario")
            }
        }
    } catch {
        say("\(error)")
    }
    for report in reports { say("report: \(report)") }
case "accept":
    try AsyncIO.run {
        try noteReports()
        let times = Int(arguments[2]) ?? 0
        faults_fail_accepting(Int32(arguments[1]) ?? 0, Int32(times))
        faults_fail_watching(ENOMEM, Int32(arguments[3]) ?? 0)
        try await serve(losing: times)
    }
    say("\(reports.count) reports")
    for report in reports { say(report) }
default: say("no such scenario")
}
