import AsyncIO
import Dispatch
import Foundation
import KeyValueStore
import XCTest

/// Tests in XCTest, most of them synchronous.
final class BlockingStoreTests: XCTestCase {
    private var store: Store?

    override func setUp() async throws { store = try Store(shards: 2) }
    override func tearDown() async throws { try await store?.shutDown() }

    private func blocking() throws -> BlockingStore { try XCTUnwrap(store).blocking }

    func testASynchronousTestUsesTheStore() throws {
        let store = try blocking()
        try store.set("blue", for: "color")
        XCTAssertEqual(try store.value(of: "color"), "blue")
        XCTAssertEqual(try store.remove("color"), "blue")
        XCTAssertNil(try store.value(of: "color"))
    }

    func testManyThreadsUseTheStoreAtTheSameTime() throws {
        let store = try blocking()
        DispatchQueue.concurrentPerform(iterations: 200) { number in
            try? store.set("\(number)", for: "key \(number)")
        }
        for number in 0..<200 { XCTAssertEqual(try store.value(of: "key \(number)"), "\(number)") }
    }

    func testAThreadWaitsForWhatAnotherThreadSets() throws {
        let store = try blocking()
        Thread.detachNewThread { try? store.set("42", for: "answer") }
        XCTAssertEqual(try store.awaitValue(of: "answer"), "42")
    }

    func testAWaitEndsWhenTheTimeIsUp() throws {
        let store = try blocking()
        XCTAssertThrowsError(try store.awaitValue(of: "nothing", within: .milliseconds(10))) {
            XCTAssertTrue($0 is TimeoutError)
        }
    }

    func testAnAsynchronousTestUsesTheStore() async throws {
        let store = try XCTUnwrap(store)
        async let value = store.awaitValue(of: "answer")
        try store.blocking.set("42", for: "answer")
        let answer = try await value
        XCTAssertEqual(answer, "42")
    }

    func testABlockingCallOnALoopIsAnError() async throws {
        let io = try EventLoopThread(name: "io")
        let store = try blocking()
        let message = try await io.run { _ in
            do { return try store.value(of: "color") ?? "none" } catch { return "\(error)" }
        }
        XCTAssertEqual(message, "EventLoopThread.wait() would block the event loop \"io\"; use await run { }")
        try await io.shutDown()
    }
}
