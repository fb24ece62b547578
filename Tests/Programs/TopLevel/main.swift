// Programs that call `run { }` from top-level code, one for each scenario. If Ctrl-C matters, the
// test that starts the program sends the signal when it sees "ready", and reads the output.

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

/// Blocks without yielding to the loop.
func compute(for duration: Duration) {
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {}
}

/// Runs `body` in a loop on a thread of the program's own.
nonisolated func runOnAnotherThread(_ body: @escaping @MainActor @Sendable () async throws -> Void) {
    let thread = Thread { try? AsyncIO.run(body) }
    thread.join()
}

/// A thread that is not the process's first.
nonisolated final class Thread: Sendable {
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func join() {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                if let pointer { Unmanaged<Thread>.fromOpaque(pointer).takeUnretainedValue().body() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        pthread_join(thread, nil)
    }
}

let scenario = CommandLine.arguments.dropFirst().first ?? ""

do {
    switch scenario {
    case "debug":
        let debug = try AsyncIO.run { try EventLoop.running.debug }
        say("debug \(debug)")
    case "backend":
        do {
            let automatic = try AsyncIO.run { try EventLoop.running.backend }
            say("automatic \(automatic)")
            let byHand = try AsyncIO.run(backend: .epoll) { try EventLoop.running.backend }
            say("epoll \(byHand)")
        } catch {
            say("\(error)")
        }
    case "writes":
        // The process is killed in the middle of this.
        let path = CommandLine.arguments[2]
        let milliseconds = Int(CommandLine.arguments[3]) ?? 0
        try AsyncIO.run {
            try await writeFile(path, [UInt8](repeating: 0, count: 1_000_000), sync: false)
            try EventLoop.running.callLater(.milliseconds(milliseconds)) { kill(getpid(), SIGKILL) }
            for number in 1... {
                try await writeFile(path, [UInt8](repeating: UInt8(number & 0xff), count: 1_000_000), sync: false)
            }
        }
    case "files":
        do {
            let text = try AsyncIO.run { try await readText("/proc/self/comm") }
            say("read \(text)")
        } catch {
            say("\(error)")
        }
    case "turns":
        let runner = Runner()
        let loop = try runner.loop
        try runner.run {}
        say("run \(loop.turns)")
        try runner.close()
        say("close \(loop.turns)")
    case "waits":
        // A main task that waits is cancelled once, and cleans up.
        try AsyncIO.run {
            do {
                say("ready")
                try await sleep(.seconds(60))
            } catch is CancellationError {
                say("cancelled, cancelling \(currentTask()?.cancelling ?? -1)")
                try await sleep(.milliseconds(1))
                say("cleaned up")
                throw CancellationError()
            }
        }
    case "waits elsewhere":
        // The foreign wait is cancelled too.
        try AsyncIO.run {
            say("ready")
            try await Task.sleep(for: .seconds(60))
        }
    case "busy loop":
        // A loop that always has something to run notices the signal anyway.
        try AsyncIO.run {
            say("ready")
            while true { try await sleep(.zero) }
        }
    case "last step":
        // The signal comes while the main task runs its last step.
        try AsyncIO.run {
            say("ready")
            compute(for: .milliseconds(300))
        }
    case "swallows":
        let value = try AsyncIO.run {
            do {
                say("ready")
                try await sleep(.seconds(60))
            } catch is CancellationError {}
            return "done"
        }
        say("returned \(value)")
    case "cancelled twice":
        // Other code has cancelled the main task too.
        try AsyncIO.run {
            let main = currentTask()
            createTask {
                while main?.cancelling == 0 { try await sleep(.milliseconds(1)) }
                main?.cancel()
            }
            do {
                say("ready")
                try await sleep(.seconds(60))
            } catch is CancellationError {
                while main?.cancelling != 2 { try? await sleep(.milliseconds(1)) }
                throw CancellationError()
            }
        }
    case "impatient":
        // The second Ctrl-C ends the process, whatever it is doing.
        try AsyncIO.run {
            do {
                say("ready")
                try await sleep(.seconds(60))
            } catch is CancellationError {
                say("ready again")
                compute(for: .seconds(60))
            }
        }
    case "ignored":
        // A handler that was set before stays.
        signal(SIGINT, SIG_IGN)
        try AsyncIO.run {
            say("ready")
            try await sleep(.milliseconds(300))
        }
        say("unharmed")
    case "after":
        // The handler is removed at the end of the run.
        try AsyncIO.run {}
        say("ready")
        compute(for: .seconds(60))
    case "other thread":
        // Only the process's first thread has a handler.
        runOnAnotherThread {
            say("ready")
            try await sleep(.seconds(60))
        }
    case "several runs":
        let runner = Runner()
        do {
            try runner.run {
                say("ready")
                try await sleep(.seconds(60))
            }
        } catch is KeyboardInterrupt { say("interrupted") }
        do {
            try runner.run {
                say("ready again")
                try await sleep(.seconds(60))
            }
        } catch is KeyboardInterrupt { say("interrupted again") }
        try runner.close()
    case "handles interrupts":
        // A handler replaces the effect of Ctrl-C in `run`, until it is removed.
        try AsyncIO.run {
            let loop = try EventLoop.running
            let handled = Semaphore(0)
            var count = 0
            try loop.addSignalHandler(.interrupt) {
                count += 1
                say("handler \(count)")
                try handled.release()
            }
            say("ready")
            try await handled.acquire()
            say("ready again")
            try await handled.acquire()
            try loop.removeSignalHandler(.interrupt)
            say("removed")
            say("ready to end")
            try await sleep(.seconds(60))
        }
    case "awaits interrupts":
        try AsyncIO.run {
            let interrupts = try signals(.interrupt)
            say("ready")
            for try await signal in interrupts.prefix(1) { say("\(signal)") }
            say("ready again")
            for try await signal in interrupts.prefix(1) { say("\(signal)") }
        }
    case "signals elsewhere":
        runOnAnotherThread {
            let loop = try EventLoop.running
            do { try loop.addSignalHandler(.user1) {} } catch { say("\(error)") }
            do { _ = try signals(.user1) } catch { say("\(error)") }
        }
    default:
        say("no such scenario")
    }
    say("end")
} catch {
    say("threw \(type(of: error))")
}
