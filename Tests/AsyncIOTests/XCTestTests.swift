import AsyncIO
import AsyncIOTesting
import XCTest

/// Virtual time in XCTest, whose test methods need no trait.
nonisolated final class XCTestTests: XCTestCase {
    func testAnHourPassesAtOnceInASynchronousTest() throws {
        let elapsed = try runInVirtualTime {
            let loop = try EventLoop.running
            let start = loop.now
            try await sleep(.seconds(3600))
            try await Task.sleep(for: .seconds(3600))
            return loop.now - start
        }
        XCTAssertEqual(elapsed, .seconds(7200))
    }

    func testAnHourPassesAtOnceInAnAsynchronousTest() async throws {
        let elapsed = try runInVirtualTime {
            let loop = try EventLoop.running
            let start = loop.now
            try await gather([1, 2, 3]) { hours in try await sleep(.seconds(3600 * hours)) }
            return loop.now - start
        }
        XCTAssertEqual(elapsed, .seconds(3 * 3600))
    }

    func testADeadlockIsAnErrorThatNamesTheTask() throws {
        XCTAssertThrowsError(
            try runInVirtualTime {
                let waiting = createTask(name: "waiting for ever") {
                    try await sleep(.seconds(2))
                    try await Event().wait()
                }
                try await waiting.value
            }
        ) { error in
            let report = "\(error)"
            XCTAssertTrue(report.contains("\"waiting for ever\" waits for Event.wait() since 2.0 seconds"), report)
        }
    }

    func testAnAsynchronousTestRunsOnTheLoop() async throws {
        XCTAssertNotNil(EventLoop.current)
        try await sleep(.milliseconds(1))
    }
}
