internal import AsyncIO
internal import CAsyncIOTesting
internal import Dispatch

// XCTest runs an `async` test as a Swift task, while its main thread waits in a run loop. This library is the executor
// of Swift tasks, so the run loop must also run the library's event loop. When a job arrives and no event loop is
// running, the main queue runs the library's event loop.

/// The event loop that XCTest's run loop runs.
//
// SAFETY: this object is used only on the main queue, whose thread runs the loop.
private final class XCTestPump: @unchecked Sendable {
    private let pump: LoopPump
    private let source: any DispatchSourceRead
    private var nextTimer: DispatchWorkItem?

    static let shared = try? XCTestPump()

    private init() throws {
        pump = try LoopPump()
        source = DispatchSource.makeReadSource(fileDescriptor: pump.descriptor, queue: .main)
        source.setEventHandler { XCTestPump.shared?.run() }
        source.resume()
    }

    func run() {
        nextTimer?.cancel()
        nextTimer = nil
        guard let nanoseconds = pump.pump() else { return }
        let item = DispatchWorkItem { XCTestPump.shared?.run() }
        nextTimer = item
        DispatchQueue.main.asyncAfter(deadline: .now() + .nanoseconds(Int(nanoseconds)), execute: item)
    }
}

/// Called at load time by the constructor in CAsyncIOTesting.
@c(asyncio_testing_install_at_load)
func installAtLoad() {
    EventLoop.leaveInterruptsAlone()
    LoopPump.whenNoLoopRuns { DispatchQueue.main.async { XCTestPump.shared?.run() } }
}
