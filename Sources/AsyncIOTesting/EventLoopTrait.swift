internal import AsyncIO
public import Testing

/// Runs a test on an event loop of its own, in real time; see ``Testing/Trait/eventLoop``.
public struct EventLoopTrait: TestTrait, SuiteTrait, TestScoping {
    let limit: Duration?
    let grace: Duration

    package init(limit: Duration?, grace: Duration = .seconds(10)) {
        self.limit = limit
        self.grace = grace
    }

    public var isRecursive: Bool { true }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        // A test's own trait has the word, rather than its suite's.
        if let own = test.traits.last(where: { $0 is Self }) as? Self, own.limit != limit {
            return try await function()
        }
        let run = TestRun(name: test.displayName ?? test.name, limit: limit, grace: grace)
        let outcome = try withEscaping(function) { function, hasAbandoned in
            let outcome = try run.run(function)
            hasAbandoned = outcome.isLeftBehind
            return outcome
        }
        for complaint in outcome.complaints { Issue.record(Comment(rawValue: complaint)) }
        // What was left behind has nothing to say, and has been told of.
        if outcome.complaints.isEmpty || !outcome.isLeftBehind { try outcome.result.get() }
    }
}

extension Trait where Self == EventLoopTrait {
    /// Runs the test on an event loop of its own, in real time: no other test runs
    /// meanwhile, the exception handler is the test's, and tasks that are left are
    /// cancelled at its end. For tests with sockets, processes and threads.
    ///
    /// A test that has run for two minutes is cancelled and fails; see
    /// ``Testing/Trait/eventLoop(limit:)``.
    public static var eventLoop: Self { Self(limit: .seconds(120)) }

    /// Runs the test on an event loop of its own, for `limit` at most.
    ///
    /// The limit counts what the test itself runs, and not, as `.timeLimit` does, the time in
    /// which other tests run before it. When it is over, the test is cancelled and fails with a
    /// report of its tasks: what each waits for, and where. A test that ignores its
    /// cancellation, or whose loop cannot be closed since a task or a thread does not end, is
    /// left behind ten seconds later, and the other tests go on. A test that blocks the thread
    /// for half a minute after its limit ends the process, with its name.
    ///
    /// Under a debugger there is no limit.
    ///
    /// - Parameter limit: how long the test may run; nil for as long as it likes.
    public static func eventLoop(limit: Duration?) -> Self { Self(limit: limit) }
}
