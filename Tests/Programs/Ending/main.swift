// How `AsyncIO.main { }`, and an uncaught error of `AsyncIO.run { }`, end a program. One scenario
// each; see AsyncMainTests.

import AsyncIO
import Glibc

nonisolated func say(_ line: String) {
    print(line)
    fflush(nil)
}

// The parent process may ignore Ctrl-C (as a background job of a shell does), and may end before
// this one. Neither should matter.
signal(SIGINT, SIG_DFL)
alarm(60)

struct Plain: Error {}
struct WithFields: Error { var name = "x" }
enum Kind: Error { case missing }
struct Silent: Error, CustomStringConvertible { var description: String { "" } }
struct Lines: Error, CustomStringConvertible { var description: String { "first\r\n  second\n\nthird\u{1B}[31m" } }

func waitForInterrupt() async throws {
    createTask {
        do { try await sleep(.seconds(60)) } catch {
            try await sleep(.milliseconds(1))
            print("the other has cleaned up")
        }
    }
    try await sleep(.zero)
    do {
        say("ready")
        try await sleep(.seconds(60))
    } catch is CancellationError {
        print("cancelled")
        throw CancellationError()
    }
}

switch CommandLine.arguments.dropFirst().first ?? "" {
case "value":
    let value = AsyncIO.main { try await createTask { 7 }.value }
    let debug = AsyncIO.main(debug: true, backend: .epoll) { try EventLoop.running.debug }
    say("\(value) \(debug)")
case "plain": AsyncIO.main { throw Plain() }
case "fields": AsyncIO.main { throw WithFields() }
case "case": AsyncIO.main { throw Kind.missing }
case "silent": AsyncIO.main { throw Silent() }
case "lines": AsyncIO.main { throw Lines() }
case "no such file": AsyncIO.main { try await readText("/no/such/file") }
case "cancelled":
    AsyncIO.main {
        currentTask()?.cancel()
        try await sleep(.seconds(60))
    }
case "output first":
    AsyncIO.main {
        print("printed")
        throw Plain()
    }
case "cleans up":
    AsyncIO.main {
        createTask { do { try await sleep(.seconds(60)) } catch { print("cleaned up") } }
        try await sleep(.zero)
        throw Plain()
    }
case "exit": AsyncIO.main { throw SystemExit(7) }
case "exit with message": AsyncIO.main { throw SystemExit("that's all") }
case "interrupt": AsyncIO.main { try await waitForInterrupt() }
case "swallowed":
    AsyncIO.main {
        say("ready")
        try? await sleep(.seconds(60))
    }
    say("end")
case "inside":
    AsyncIO.main {
        let inner: () -> Void = { AsyncIO.main {} }
        inner()
    }
case "places":
    AsyncIO.main {
        let waiting = createTask(name: "waiting") { try await sleep(.seconds(60)) }
        let outer = #line - 1
        try await sleep(.zero)
        for frame in waiting.stack { say("\(frame.function), line \(frame.line - outer)") }
        say(try formatCallGraph(waiting))
        for frame in currentTask()?.stack ?? [] { say("\(frame.function), a line \(frame.line > outer)") }
    }
case "run": try AsyncIO.run { throw ValueError("from run") }
case "run interrupt": try AsyncIO.run { try await waitForInterrupt() }
case "run, another error":
    try? AsyncIO.run { throw ValueError("from run") }
    let error = Plain()
    throw error
case "run, passed on":
    do { try AsyncIO.run { throw ValueError("from run") } } catch { throw error }
default: say("no such scenario")
}
