import AsyncIOTesting
import Foundation
import Testing

/// Runs tests of the network over a simulated one, in virtual time, in asyncio's order.
///
/// The kernel is not what they test, and it must not matter to them: if `ASYNCIO_REAL_SOCKETS` is set, the same tests run
/// with real sockets on the loopback interface. `.ci/run` does both. A test in such a suite that needs the kernel has the
/// trait `.eventLoop`.
nonisolated struct LoopbackTrait: TestTrait, SuiteTrait, TestScoping {
    private static let usesKernel = ProcessInfo.processInfo.environment["ASYNCIO_REAL_SOCKETS"] != nil

    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let hasOwnLoop = test.traits.contains { $0 is EventLoopTrait || $0 is VirtualTimeTrait }
        guard testCase != nil, !hasOwnLoop else { return try await function() }
        if Self.usesKernel {
            try await EventLoopTrait.eventLoop.provideScope(for: test, testCase: testCase, performing: function)
        } else {
            try await SimulationTrait(failsOnReports: false, shufflesTasks: false)
                .provideScope(for: test, testCase: testCase, performing: function)
        }
    }
}

extension Trait where Self == LoopbackTrait {
    /// See ``LoopbackTrait``.
    nonisolated static var loopback: Self { Self() }
}
