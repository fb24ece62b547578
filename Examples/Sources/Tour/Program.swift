import AsyncIO

/// One of the tour's programs.
public nonisolated struct Program: Sendable {
    public let name: String
    /// A one-line description.
    public let summary: String
    let body: Body

    enum Body {
        case main(@MainActor () async throws -> Void)
        /// The program runs and closes a loop itself.
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

    /// Runs the program in real time.
    @MainActor public func run() throws {
        switch body {
        case .main(let main): try AsyncIO.run(main)
        case .explicit(let main): try main(EventLoop())
        }
    }

    /// All programs, in the order in which you meet their topics when you learn asyncio.
    public static let all = [
        Program("hello", "two coroutines, gathered", hello),
        Program("loop", "an explicit event loop", explicit: explicitLoop),
        Program("coroutines", "two coroutines that return results", coroutines),
        Program("tasks", "three concurrent tasks with a timeout", tasks),
        Program("errors", "results and errors side by side", errors),
        Program("group", "a task group in which a task fails", group),
        Program("background", "a background task, cancelled at the end", background),
        Program("timeout", "a timeout inside a task group", timeout),
        Program("future", "a future whose result a task sets", future),
        Program("lock", "a counter protected by a lock", lock),
        Program("event", "three tasks that wait for an event", event),
        Program("condition", "a producer and consumers with a condition", condition),
        Program("semaphore", "five calls, two at a time", semaphore),
        Program("bounded", "a semaphore that is released too often", bounded),
        Program("workers", "three workers and a queue", workers),
        Program("race", "lost updates, and a lock that prevents them", race),
        Program("barrier", "three tasks that wait for each other at a barrier", barrier),
        Program("cancellation", "a task that cleans up when it is cancelled", cancellation),
        Program("callbacks", "done callbacks for a result and an error", callbacks),
        Program("backgroundtasks", "a set of background tasks", backgroundTasks),
        Program("generator", "an async generator", generator),
        Program("iterator", "a hand-written async iterator", iterator),
        Program("shield", "an operation that outlives a cancellation", shield),
        Program("first", "the first of three answers", first),
        Program("debounce", "five calls, one action", debounce),
        Program("retry", "an operation that succeeds at the third attempt", retry),
    ]
}
