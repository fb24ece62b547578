import AsyncIO
import AsyncIOTesting
import Foundation
import FoundationNetworking
import SystemPackage
import Testing

/// Errors of other libraries that mean "I was cancelled". They count as a `CancellationError` only
/// if the cancellation was requested.
@Suite(.virtualTime) struct CancellationErrorTests {
    nonisolated static let known: [any Error] = [
        CancellationError(), URLError(.cancelled), Foundation.POSIXError(.ECANCELED), CocoaError(.userCancelled),
        NSError(domain: "NSURLErrorDomain", code: -999), NSError(domain: "NSPOSIXErrorDomain", code: 125),
        OSError(.canceled, "reading"), Errno.canceled, Foreign.Errno(rawValue: 125),
        Foreign(_domain: "AsyncHTTPClient.HTTPClientError", description: "HTTPClientError.cancelled"),
        Foreign(
            _domain: "NIOCore.EventLoopError", description: "EventLoopError: the scheduled task was cancelled"),
        Foreign(_domain: "NIOCore.IOError", description: "read: Operation canceled) (errno: 125)"),
    ]

    nonisolated static let others: [any Error] = [
        URLError(.timedOut),
        Foundation.POSIXError(.EPIPE), CocoaError(.fileNoSuchFile), NSError(domain: "App", code: -999),
        OSError(.brokenPipe, "writing"), Errno.brokenPipe, Foreign.Errno(rawValue: 32), ValueError("cancelled"),
        Foreign(_domain: "AsyncHTTPClient.HTTPClientError", description: "HTTPClientError.readTimeout"),
        Foreign(_domain: "App.Error", description: "HTTPClientError.cancelled"),
    ]

    /// A wait for another library, which throws `ending` when it is cancelled.
    nonisolated(nonsending) private func foreign(_ ending: any Error) async throws {
        do { try await Task.sleep(for: .seconds(3600)) } catch { throw ending }
    }

    // MARK: Timeouts

    @Test(arguments: known.indices) func aTimeoutMakesATimeoutErrorOfThem(index: Int) async throws {
        let ending = Self.known[index]
        let error = await thrown { try await withTimeout(.seconds(2)) { try await foreign(ending) } } as? TimeoutError
        #expect(error != nil, "\(ending)")
        #expect(error?.underlyingError.map { "\(type(of: $0))" } == "\(type(of: ending))")
        #expect(currentTask()?.cancelling == 0)
    }

    @Test(arguments: others.indices) func aTimeoutLetsOtherErrorsPass(index: Int) async throws {
        let ending = Self.others[index]
        let error = await thrown { try await withTimeout(.seconds(2)) { try await foreign(ending) } }
        #expect(error.map { "\(type(of: $0)) \($0)" } == "\(type(of: ending)) \(ending)")
    }

    @Test func aBodyThatNobodyCancelledKeepsItsError() async throws {
        let error = await thrown { try await withTimeout(.seconds(2)) { throw URLError(.cancelled) } }
        #expect((error as? URLError)?.code == .cancelled)
        let task = createTask { throw Errno.canceled }
        #expect(await thrown { try await task.value } as? Errno == .canceled)
        #expect(!task.wasCancelled)
        let group = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw OSError(.canceled, "reading") }
            }
        }
        #expect((group as? ExceptionGroup)?.errors.first is OSError)
    }

    @Test func aRequestThatWasTakenBackIsNoneAnyMore() async throws {
        let task = createTask {
            do { try await Task.sleep(for: .seconds(10)) } catch {}
            currentTask()?.uncancel()
            throw URLError(.cancelled)
        }
        try await sleep(.zero)
        task.cancel()
        #expect(await thrown { try await task.value } is URLError)
        #expect(!task.wasCancelled)
    }

    @Test func anOuterTimeoutPassesThroughAnInnerOne() async throws {
        let error = await thrown {
            try await withTimeout(.seconds(1)) {
                let inner = await thrown {
                    try await withTimeout(.seconds(5)) { try await foreign(URLError(.cancelled)) }
                }
                #expect(inner is CancellationError)
                if let inner { throw inner }
            }
        }
        #expect(error is TimeoutError)
    }

    @Test func waitForMakesATimeoutErrorOfThem() async throws {
        for timeout in [Duration.seconds(1), .zero] {
            let task = createTask { try await foreign(URLError(.cancelled)) }
            try await sleep(.zero)
            #expect(await thrown { try await waitFor(task, timeout: timeout) } is TimeoutError)
            #expect(task.wasCancelled)
        }
        let plain = Task {
            let task = createTask { try await foreign(URLError(.cancelled)) }
            return await thrown { try await waitFor(task, timeout: .seconds(1)) } is TimeoutError
        }
        #expect(await plain.value)
    }

    // MARK: Cancelled tasks

    @Test(arguments: known.indices) func aCancelledTaskThatEndsWithOneIsCancelled(index: Int) async throws {
        let task = createTask { try await foreign(Self.known[index]) }
        try await sleep(.zero)
        task.cancel("enough")
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(task.wasCancelled)
        // As in asyncio, a cancellation that the body throws itself has no message.
        #expect(currentTask()?.cancelMessage == (Self.known[index] is CancellationError ? nil : "enough"))
    }

    @Test(arguments: others.indices) func aCancelledTaskThatEndsWithAnotherErrorHasFailed(index: Int) async throws {
        let task = createTask { try await foreign(Self.others[index]) }
        try await sleep(.zero)
        task.cancel()
        #expect(!(await thrown { try await task.value } is CancellationError))
        #expect(!task.wasCancelled)
    }

    @Test func gatherAndRaceAndMapSeeThemAsCancellations() async throws {
        let task = createTask { try await foreign(URLError(.cancelled)) }
        try await sleep(.zero)
        task.cancel()
        let results = try await gatherResults([task])
        guard case .failure(is CancellationError) = results[0] else {
            Issue.record("\(results)")
            return
        }
        let race = try await staggeredRace(
            delay: .seconds(1), { try await foreign(URLError(.cancelled)) },
            {
                try await sleep(.seconds(1))
                return
            })
        #expect(race.index == 1 && race.errors.first is CancellationError)
        let winner = try await AsyncIO.race([1, 2]) { number in
            if number == 1 { try await foreign(URLError(.cancelled)) } else { try await sleep(.seconds(1)) }
            return number
        }
        #expect(winner == 2)
    }

    // MARK: Groups

    @Test func aGroupThatEndsItsTasksThrowsTheErrorThatEndedIt() async throws {
        let error = await thrown {
            try await withAsyncTaskGroup { group in
                try group.createTask { try await foreign(URLError(.cancelled)) }
                try group.createTask {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                try await foreign(OSError(.canceled, "reading"))
            }
        }
        #expect((error as? ExceptionGroup)?.errors.count == 1 && (error as? ExceptionGroup)?.errors.first is Boom)
    }

    @Test func aGroupThatIsCancelledEndsInOrder() async throws {
        try await withAsyncTaskGroup { group in
            try group.createTask {
                try await sleep(.seconds(1))
                group.cancel()
            }
            try await foreign(URLError(.cancelled))
        }
    }

    @Test func aTaskOfAGroupWithALimitGivesItsRoomBack() async throws {
        try await withTimeout(.seconds(60)) {
            try await withAsyncTaskGroup(limit: 1) { group in
                let first = try group.createTask { try await foreign(URLError(.cancelled)) }
                let second = try group.createTask { 2 }
                try await sleep(.seconds(1))
                first.cancel()
                #expect(try await second.value == 2)
            }
        }
    }

    // MARK: Other requests

    @Test func retryDoesNotRetryThem() async throws {
        var attempts = 0
        let task = createTask {
            try await retry(attempts: 3) {
                attempts += 1
                try await foreign(URLError(.cancelled))
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is CancellationError)
        #expect(attempts == 1)
        // Without a request, they are errors like others.
        attempts = 0
        _ = await thrown {
            try await retry(attempts: 3) {
                attempts += 1
                throw URLError(.cancelled)
            }
        }
        #expect(attempts == 3)
    }

    @Test func aPlainSwiftTaskIsServedAsWell() async throws {
        let plain = Task {
            await thrown { try await withTimeout(.seconds(10)) { try await foreign(URLError(.cancelled)) } }
        }
        try await sleep(.seconds(1))
        plain.cancel()
        #expect(await plain.value is CancellationError)
    }

    // MARK: Registering

    private enum AppError: Error { case stopped, broken }

    @Test func aProgramMayRegisterItsOwn() async throws {
        registerCancellationError(AppError.self) { $0 == .stopped }
        let stopped = await thrown { try await withTimeout(.seconds(1)) { try await foreign(AppError.stopped) } }
        #expect((stopped as? TimeoutError)?.underlyingError as? AppError == .stopped)
        let broken = await thrown { try await withTimeout(.seconds(1)) { try await foreign(AppError.broken) } }
        #expect(broken as? AppError == .broken)
        #expect(await thrown { try await withTimeout(.seconds(1)) { throw AppError.stopped } } is AppError)
    }
}

/// An error of a library that is not linked here.
private struct Foreign: Error, CustomStringConvertible {
    // swift-format-ignore: NoLeadingUnderscores
    let _domain: String
    let description: String

    /// An error with the name of a system module's error.
    struct Errno: Error, RawRepresentable { let rawValue: CInt }
}
