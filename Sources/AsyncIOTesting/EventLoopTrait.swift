internal import AsyncIO
public import Testing

/// Runs a test on an event loop of its own, in real time; see ``Testing/Trait/eventLoop``.
public struct EventLoopTrait: TestTrait, SuiteTrait, TestScoping {
    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try withoutActuallyEscaping(function) { function in
            try EventLoop.outsideOfAnyLoop { try AsyncIO.run { try await function() } }
        }
    }
}

extension Trait where Self == EventLoopTrait {
    /// Runs the test on an event loop of its own, in real time: no other test runs
    /// meanwhile, the exception handler is the test's, and tasks that are left are
    /// cancelled at its end. For tests with sockets, processes and threads.
    public static var eventLoop: Self { Self() }
}
