import AsyncIO
import Dispatch
import Glibc

// Work that comes from other threads.

/// Callbacks from several threads at once. One operation: one `callSoonThreadSafe`, up to the
/// callback's end.
func threadSafeCalls(threads: Int, total: Int) async throws {
    let loop = try EventLoop.running
    let (each, counter, all) = (total / threads, Counter(), Future<Void>())
    // SAFETY: the callbacks run on the loop's thread.
    nonisolated(unsafe) let end = all
    let measure = Measure()
    for _ in 0..<threads {
        onThread {
            for _ in 0..<each {
                _ = try? loop.callSoonThreadSafe {
                    counter.number += 1
                    if counter.number == each * threads { unsafe try end.setResult(()) }
                }
            }
        }
    }
    try await all.value
    measure.report("threadsafe", operations: each * threads)
}

/// Counts on the loop's thread.
private nonisolated final class Counter: @unchecked Sendable {
    // SAFETY: callbacks run on the loop's thread, one at a time.
    var number = 0
}

/// A continuation that another thread resumes. That thread then waits for the next continuation. One operation: one
/// round trip.
func hops(_ total: Int) async throws {
    let place = Rendezvous()
    onThread {
        while let continuation = place.take() { continuation.resume() }
    }
    let measure = Measure()
    for _ in 0..<total { await withCheckedContinuation { place.put($0) } }
    measure.report("hop", operations: total)
    place.put(nil)
}

/// Hands one continuation from the loop to a thread.
private nonisolated final class Rendezvous: @unchecked Sendable {
    // SAFETY: the semaphore orders what is put before what is taken.
    private var continuation: CheckedContinuation<Void, Never>?
    private let semaphore = DispatchSemaphore(value: 0)

    func put(_ continuation: CheckedContinuation<Void, Never>?) {
        self.continuation = continuation
        semaphore.signal()
    }

    func take() -> CheckedContinuation<Void, Never>? {
        semaphore.wait()
        defer { continuation = nil }
        return continuation
    }
}

/// An `AsyncStream` that another thread fills as fast as it can. One operation: one element.
func foreignStream(_ total: Int) async throws {
    let (stream, continuation) = AsyncStream<Int>.makeStream()
    let measure = Measure()
    onThread {
        for number in 0..<total { continuation.yield(number) }
        continuation.finish()
    }
    var count = 0
    for await _ in stream { count += 1 }
    measure.report("foreign-stream", operations: count)
}

private nonisolated func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    // SAFETY: the retain travels with the pointer to the thread, which takes it over.
    let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
    unsafe pthread_create(
        &thread, nil,
        { pointer in
            if let pointer = unsafe pointer { unsafe Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue().body() }
            return nil
        }, start)
}
