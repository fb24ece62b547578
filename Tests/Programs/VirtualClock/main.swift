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
