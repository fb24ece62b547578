import AsyncIO

/// One of the tour's programs.
public nonisolated struct Program: Sendable {
    public let name: String
    /// What it shows, in a line.
    public let summary: String
    let body: Body

    enum Body {
        case main(@MainActor () async throws -> Void)
        /// It runs and closes a loop by itself.
        case explicit(@MainActor (EventLoop) throws -> Void)
    }

    init(_ name: String, _ summary: String, _ main: @escaping @MainActor () async throws -> Void) {
        self.name = name
        self.summary = summary
        body = .main(main)
    }

    init(_ name: String, _ summary: String, explicit: @escaping @MainActor (EventLoop) throws -> Void) {
        self.name = name
        self.summary = summary
        body = .explicit(explicit)
    }

    /// Runs it in real time.
    @MainActor public func run() throws {
        switch body {
        case .main(let main): try AsyncIO.run(main)
        case .explicit(let main): try main(EventLoop())
        }
    }

    /// All of them, in the order in which one meets them.
    public static let all = [
        Program("hello", "two coroutines, gathered", hello),
        Program("loop", "an explicit event loop", explicit: explicitLoop),
        Program("coroutines", "two coroutines with results of their own", coroutines),
        Program("tasks", "three tasks at once, with a limit of time", tasks),
        Program("errors", "results and errors side by side", errors),
        Program("group", "a task group, one of whose tasks fails", group),
        Program("background", "a background task, cancelled at the end", background),
        Program("timeout", "a time-out inside a task group", timeout),
        Program("future", "a future that a task sets", future),
        Program("lock", "a counter under a lock", lock),
        Program("event", "three tasks that wait for an event", event),
        Program("condition", "a producer and consumers with a condition", condition),
        Program("semaphore", "five calls, two at a time", semaphore),
        Program("bounded", "a semaphore that is released too often", bounded),
        Program("workers", "three workers and a queue", workers),
        Program("race", "lost updates, and a lock that prevents them", race),
        Program("barrier", "three tasks that meet", barrier),
        Program("cancellation", "a task that cleans up when it is cancelled", cancellation),
        Program("callbacks", "done callbacks for a result and an error", callbacks),
        Program("backgroundtasks", "a set of background tasks", backgroundTasks),
        Program("generator", "an async generator", generator),
        Program("iterator", "a hand-written async iterator", iterator),
        Program("shield", "an operation that outlives a cancellation", shield),
        Program("first", "the first of three answers", first),
        Program("debounce", "five calls, one action", debounce),
        Program("retry", "an operation that works at the third attempt", retry),
    ]
}
