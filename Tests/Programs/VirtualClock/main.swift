// Every clock in virtual time, and a simulated network, in a program without Swift Testing. Prints a line for each,
// with true or false. It can be linked with --static-swift-stdlib, unlike a test.

import AsyncIO
import AsyncIOTesting
import Dispatch
import Foundation

let watch = ProcessInfo.processInfo.systemUptime
try runInVirtualTime { try await clocks() }
try runInVirtualTime { try await deadlines() }
// A static Dispatch does not call the function that replaces dispatch_after.
if !CommandLine.arguments.contains("static") { try runInVirtualTime { try await mainQueue() } }
// The timers of its threads follow in both cases.
try runInVirtualTime(threads: .virtual) {
    try await mainQueue()
    try await globalQueue()
}
try run { try await loopThreads() }
try simulate(seed: 7) { try await network($0) }
// Three virtual hours pass in much less.
print("real time", ProcessInfo.processInfo.systemUptime - watch < 60)
print("end")

@MainActor func clocks() async throws {
    let (continuous, suspending) = (ContinuousClock.now, SuspendingClock.now)
    let (date, dispatch, seconds) = (Date(), DispatchTime.now(), time(nil))
    try await sleep(.seconds(3_600))
    print("ContinuousClock", continuous.duration(to: .now) == .seconds(3_600))
    print("SuspendingClock", suspending.duration(to: .now) == .seconds(3_600))
    print("Date", Date().timeIntervalSince(date) == 3_600)
    print("DispatchTime", DispatchTime.now().uptimeNanoseconds - dispatch.uptimeNanoseconds == 3_600_000_000_000)
    print("time", time(nil) - seconds == 3_600)
    pass(60)
    print("Thread.sleep", Date().timeIntervalSince(date) == 3_660)
}

/// `Thread.sleep` cannot be called in an `async` function.
@MainActor func pass(_ seconds: TimeInterval) { Thread.sleep(forTimeInterval: seconds) }

@MainActor func deadlines() async throws {
    let start = ContinuousClock.now
    let deadline = start + .seconds(100)
    let hour = try await ContinuousClock().measure { try await Task.sleep(for: .seconds(3_600)) }
    print("measure", hour == .seconds(3_600))
    try await Task.sleep(until: deadline + .seconds(3_600), clock: .continuous)
    print("Task.sleep(until:)", start.duration(to: .now) == .seconds(3_700))
    do {
        try await withTimeout(.seconds(90)) { try await Task.sleep(for: .seconds(1_000)) }
        print("withTimeout", false)
    } catch is TimeoutError {
        print("withTimeout", start.duration(to: .now) == .seconds(3_790))
    }
    let cache = ExpiringCache<Int, Date>(lifetime: .seconds(10))
    let first = try await cache.value(for: 1) { Date() }
    try await sleep(.seconds(9))
    print("ExpiringCache", try await cache.value(for: 1) { Date() } == first)
    try await sleep(.seconds(2))
    print("ExpiringCache after its lifetime", try await cache.value(for: 1) { Date() } > first)
}

@MainActor func mainQueue() async throws {
    let before = DispatchTime.now()
    await withCheckedContinuation { continuation in
        DispatchQueue.main.asyncAfter(deadline: before + 5) { continuation.resume() }
    }
    print(
        "DispatchQueue.main.asyncAfter",
        DispatchTime.now().uptimeNanoseconds - before.uptimeNanoseconds == 5_000_000_000)
}

@MainActor func globalQueue() async throws {
    let before = ContinuousClock.now
    let duration = await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + 30) {
            continuation.resume(returning: before.duration(to: .now))
        }
    }
    print("DispatchQueue.global().asyncAfter", duration == .seconds(30))
}

/// `Task.sleep` leaves the loop, and continues on the loop of the process.
func loopThreads() async throws {
    try await runInVirtualTime(threads: .virtual) { io in
        let start = io.loop.now
        for duration in [Duration.seconds(3_600), .nanoseconds(1), .milliseconds(7)] {
            let measured = try await ContinuousClock().measure { try await Task.sleep(for: duration) }
            if measured != duration { print("Task.sleep on a loop with its own thread", duration, false) }
        }
        try await ContinuousClock().sleep(until: .now + .seconds(100))
        try await SuspendingClock().sleep(for: .seconds(100))
        let elapsed = io.loop.now - start
        print("Task.sleep on a loop with its own thread", elapsed == .nanoseconds(3_800_007_000_001))
    }
    try await runInVirtualTime(threads: .virtual) { io in
        let start = io.loop.now
        do {
            try await withTimeout(.seconds(90)) { try await Task.sleep(for: .seconds(3_600)) }
        } catch is TimeoutError {}
        print("withTimeout on a loop with its own thread", io.loop.now - start == .seconds(90))
    }
    try await runInVirtualTime(threads: .virtual) { io in
        let start = ContinuousClock.now
        async let first = timeAfter(.seconds(10))
        async let second = timeAfter(.seconds(20))
        let elapsed = try await [start.duration(to: first), start.duration(to: second)]
        print("code without isolation", io.loop.now == start + .seconds(20) && elapsed == [.seconds(10), .seconds(20)])
    }
    // One after another.
    let elapsed = try await withThrowingTaskGroup(of: Duration.self) { group in
        for number in 1...3 {
            group.addTask {
                try await runInVirtualTime(threads: .virtual) { io in
                    let start = io.loop.now
                    try await Task.sleep(for: .seconds(number))
                    return io.loop.now - start
                }
            }
        }
        var elapsed: [Duration] = []
        while let next = try await group.next() { elapsed.append(next) }
        return elapsed.sorted()
    }
    print("loops that wait for their turn", elapsed == [.seconds(1), .seconds(2), .seconds(3)])
    // With both, time would pass twice.
    let inside = try await runInVirtualTime(threads: .virtual) { _ in
        do {
            try await runInVirtualTime(threads: .virtual) { _ in }
            return false
        } catch is RuntimeError { return true }
    }
    print("a loop that would wait for itself", inside)
}

@concurrent func timeAfter(_ duration: Duration) async throws -> ContinuousClock.Instant {
    try await Task.sleep(for: duration)
    return .now
}

@MainActor func network(_ net: Network) async throws {
    try net.host("db") {
        let server = try await startServer(port: 5_432) { reader, writer in
            for try await line in reader.lines { try await writer.write("\(line)!\n") }
        }
        try await server.serveForever()
    }
    try await settled() // the server is listening
    net.links.latency = .seconds(1)...(.seconds(2))
    let start = ContinuousClock.now
    let (reader, writer) = try await openConnection(host: "db", port: 5_432)
    try await writer.write("hello\n")
    print("a simulated network", try await reader.readTextLine() == "hello!")
    print("its latency", start.duration(to: .now) >= .seconds(4))
    writer.close()
}
