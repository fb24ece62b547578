import AsyncAlgorithms
import AsyncIO
import AsyncIOTesting
import Dispatch
import Foundation
import FoundationNetworking
import OtherLibraries
import Subprocess
import Testing

/// Checks the claims of the guide "Using other libraries" against the libraries themselves.
@Suite(.eventLoop) struct OtherLibraryTests {
    /// The outcome of a call whose time ran out, and of a task that was cancelled in it.
    private struct Ending {
        /// The error of the call itself; nil if it returned.
        var call: (any Error)?
        /// The error of `withTimeout`; nil if it returned.
        var scope: (any Error)?
        var isTaskCancelled = false
    }

    private func ending(_ body: @escaping () async throws -> Void) async throws -> Ending {
        var ending = Ending()
        do {
            try await withTimeout(.milliseconds(50)) {
                do { try await body() } catch {
                    ending.call = error
                    throw error
                }
            }
        } catch {
            ending.scope = error
        }
        let task = createTask { try await body() }
        try await AsyncIO.sleep(.milliseconds(20))
        task.cancel()
        _ = try? await task.value
        ending.isTaskCancelled = task.wasCancelled
        return ending
    }

    /// Runs a server that accepts requests but never responds.
    private func withSilentServer(_ body: @escaping (URL) async throws -> Void) async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        try await withServer(server, grace: .zero) { server in
            try await body(try #require(URL(string: "http://127.0.0.1:\(server.port)/")))
        }
    }

    // MARK: URLSession

    @Test func urlSessionThrowsAnErrorOfItsOwnWhichCountsAsACancellation() async throws {
        try await withSilentServer { url in
            let ending = try await ending { _ = try await URLSession.shared.data(from: url) }
            #expect((ending.call as? URLError)?.code == .cancelled)
            #expect((ending.scope as? TimeoutError)?.underlyingError is URLError)
            #expect(ending.isTaskCancelled)
            #expect(try await page(at: url, within: .milliseconds(50)) == nil)
        }
    }

    @Test func urlSessionsOwnTimeLimitStaysAnErrorOfItsOwn() async throws {
        try await withSilentServer { url in
            var request = URLRequest(url: url)
            request.timeoutInterval = 0.1
            let error = await #expect(throws: URLError.self) {
                try await withTimeout(.seconds(30)) { try await URLSession.shared.data(for: request) }
            }
            #expect(error?.code == .timedOut)
        }
    }

    // MARK: AsyncStream and async-algorithms

    @Test func sequencesEndWithoutAnErrorWhenTheyAreCancelled() async throws {
        let channel = AsyncChannel<Int>()
        let other = AsyncChannel<Int>()
        let waits: [(String, () async throws -> Void)] = [
            (
                "AsyncStream",
                {
                    let (stream, continuation) = AsyncStream<Int>.makeStream()
                    for await _ in stream {}
                    continuation.finish()
                }
            ),
            (
                "AsyncThrowingStream",
                {
                    let (stream, continuation) = AsyncThrowingStream<Int, any Error>.makeStream()
                    for try await _ in stream {}
                    continuation.finish()
                }
            ),
            ("AsyncChannel", { for await _ in channel {} }),
            ("AsyncChannel.send", { await other.send(1) }),
            ("timer", { for await _ in AsyncTimerSequence(interval: .seconds(60), clock: .continuous) {} }),
            ("merge", { for await _ in merge(AsyncChannel<Int>(), AsyncChannel<Int>()) {} }),
            ("zip", { for await _ in zip(AsyncChannel<Int>(), AsyncChannel<Int>()) {} }),
            ("combineLatest", { for await _ in combineLatest(AsyncChannel<Int>(), AsyncChannel<Int>()) {} }),
            ("debounce", { for await _ in AsyncChannel<Int>().debounce(for: .seconds(60)) {} }),
        ]
        for (name, wait) in waits {
            let ending = try await ending(wait)
            #expect(ending.call == nil && ending.scope == nil, "\(name)")
            // The task received no other cancellation error, and it did end.
            #expect(ending.isTaskCancelled, "\(name)")
        }
    }

    @Test func whatAStreamBroughtIsKeptAndTheTimeoutTellsThatThereMayBeMore() async throws {
        let (stream, continuation) = AsyncThrowingStream<Int, any Error>.makeStream()
        continuation.yield(1)
        continuation.yield(2)
        let part = try await collect(stream, for: .milliseconds(50))
        #expect(part.numbers == [1, 2] && !part.isComplete)
        let (whole, end) = AsyncThrowingStream<Int, any Error>.makeStream()
        end.yield(1)
        end.finish()
        let all = try await collect(whole, for: .seconds(30))
        #expect(all.numbers == [1] && all.isComplete)
    }

    // MARK: swift-subprocess

    @Test func aCommandThatTakesTooLongIsKilled() async throws {
        let start = ContinuousClock.now
        let error = await #expect(throws: TimeoutError.self) {
            try await output(of: "sleep", ["30"], within: .milliseconds(200))
        }
        #expect(error?.limit == .milliseconds(200))
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(try await output(of: "echo", ["hello"], within: .seconds(30)) == "hello\n")
    }

    // MARK: Dispatch

    @Test func aBareContinuationIgnoresTheLimit() async throws {
        let ending = try await ending {
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(200)) { continuation.resume() }
            }
        }
        #expect(ending.call == nil && ending.scope == nil)
    }

    @Test func theWaitForAQueueCanBeGivenUp() async throws {
        let queue = DispatchQueue(label: "slow")
        #expect(try await onQueue(queue, within: .seconds(30)) { 6 * 7 } == 42)
        let hasEnded = DispatchSemaphore(value: 0)
        let error = await #expect(throws: TimeoutError.self) {
            try await onQueue(queue, within: .milliseconds(20)) { hasEnded.wait() }
        }
        #expect(error?.limit == .milliseconds(20))
        hasEnded.signal()
    }

    // MARK: Registering

    @Test func aProgramsOwnErrorMayCountToo() async throws {
        prepare()
        let ending = try await ending {
            do { try await AsyncIO.sleep(.seconds(60)) } catch { throw ClientError.interrupted }
        }
        #expect((ending.scope as? TimeoutError)?.underlyingError as? ClientError == .interrupted)
        #expect(ending.isTaskCancelled)
    }
}
