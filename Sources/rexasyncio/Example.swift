import ArgumentParser

/// A small program with a command-line flag of its own.
nonisolated struct Example: EnumerableFlag {
    /// The name of the example, which is also its flag.
    let name: String
    let summary: String
    let run: @MainActor () async throws -> Void

    private init(_ name: String, _ summary: String, _ run: @escaping @MainActor () async throws -> Void) {
        self.name = name
        self.summary = summary
        self.run = run
    }

    static let allCases = [
        Example("helloio", "Two greetings, one after the other.", helloIOExample),
        Example("gather", "Two greetings at the same time.", gatherExample),
        Example("generator", "Asynchronous generators.", generatorExample),
        Example("sleep", "A generator that sleeps.", sleepExample),
        Example("tothread", "Work that computes, on a thread.", toThreadExample),
        Example("createtask", "Tasks that run side by side.", createTaskExample),
        Example("wait", "Waiting with a limit, and for several tasks.", waitExample),
        Example("ascomplete", "Tasks in the order they end.", asCompletedExample),
        Example("lock", "A lock held across awaits.", lockExample),
        Example("event", "Workers that wait for a signal.", eventExample),
        Example("condition", "A producer and a consumer with a condition.", conditionExample),
        Example("semaphore", "So many workers at a time.", semaphoreExample),
        Example("queue", "A producer and a consumer with a queue.", queueExample),
        Example("queuel", "Three producers and three consumers, with a lock.", queueWithLockExample),
        Example("queuec", "Three producers and three consumers, with a condition.", queueWithConditionExample),
    ]

    // MARK: The command line

    static func == (left: Self, right: Self) -> Bool { left.name == right.name }
    static func name(for example: Self) -> NameSpecification { .customLong(example.name) }
    static func help(for example: Self) -> ArgumentHelp? { ArgumentHelp(stringLiteral: example.summary) }
}
