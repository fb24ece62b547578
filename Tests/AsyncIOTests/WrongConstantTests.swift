import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// A wrong constant stops the program with a sentence; a wrong value from elsewhere is an error.
@Suite struct WrongConstantTests {
    @Test @concurrent func aSemaphoreBelowZeroStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = Semaphore(-1)
        }
        #expect(
            result?.standardError.contains("Semaphore initial value must be >= 0, got -1; use Semaphore(validating:)")
                == true)
    }

    @Test @concurrent func aBarrierForNobodyStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = Barrier(0)
        }
        #expect(result?.standardError.contains("parties must be >= 1, got 0; use Barrier(validating:)") == true)
    }

    @Test @concurrent func aReaderWithoutRoomForALineStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = StreamReader(limit: 0)
        }
        #expect(
            result?.standardError.contains("limit must be positive, got 0; use StreamReader(validatingLimit:)") == true)
    }

    @Test @concurrent func aStreamWithLessThanNoRoomStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = memoryObjectStream(of: Int.self, capacity: -1)
        }
        #expect(
            result?.standardError.contains("must not be negative, got -1; use memoryObjectStream(validatingCapacity:)")
                == true)
    }

    @Test @concurrent func aCacheForLessThanNothingStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = ExpiringCache<Int, Int>(lifetime: .seconds(1), limit: -1)
        }
        #expect(
            result?.standardError.contains("must not be negative, got -1; use ExpiringCache(lifetime:validatingLimit:)")
                == true)
    }

    @Test @concurrent func aGroupForNoTasksStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            _ = AsyncTaskGroup(limit: 0)
        }
        #expect(
            result?.standardError.contains("limit must be at least 1, got 0; use AsyncTaskGroup(validatingLimit:)")
                == true)
    }

    @Test @concurrent func aUnixServersPortStopsTheProgram() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { @MainActor in
            let server = try await startServer(on: .unix(path: "\0asyncio-no-port-\(getpid())")) { _, _ in }
            _ = server.port
        }
        #expect(result?.standardError.contains("a server on a Unix socket has no port") == true)
    }

    @Test func aValueFromElsewhereIsAnErrorThatCanBeCaught() throws {
        for wrong in [-1, 0, .min] {
            let barrier = #expect(throws: ValueError.self) { try Barrier(validating: wrong) }
            #expect(barrier?.message == "parties must be >= 1, got \(wrong)")
            let reader = #expect(throws: ValueError.self) { try StreamReader(validatingLimit: wrong) }
            #expect(reader?.message == "limit must be positive, got \(wrong)")
            #expect(throws: ValueError.self) { try AsyncTaskGroup(validatingLimit: wrong) }
        }
        let cache = #expect(throws: ValueError.self) {
            try ExpiringCache<Int, Int>(lifetime: .seconds(1), validatingLimit: -1)
        }
        #expect(cache?.message == "the limit of an ExpiringCache must not be negative, got -1")
        let stream = #expect(throws: ValueError.self) {
            _ = try memoryObjectStream(of: Int.self, validatingCapacity: -1)
        }
        #expect(stream?.message == "the capacity of a memory object stream must not be negative, got -1")
        #expect(try memoryObjectStream(of: Int.self, validatingCapacity: 0).receiver.count == 0)
        #expect(try Semaphore(validating: 0).value == 0)
        #expect(try BoundedSemaphore(validating: 2).value == 2)
        #expect(try Barrier(validating: 3).parties == 3)
        #expect(try StreamReader(validatingLimit: 7).limit == 7)
    }
}
