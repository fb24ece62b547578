import ArgumentParser

/// A small program with its own command-line flag.
nonisolated struct Example: EnumerableFlag {
    /// The name of the example, which is also its flag.
    let name: String
    let summary: String
    /// The parts, which run one after another.
    let parts: [Part]

    /// A function and its source.
    struct Part {
        let source: String
        let run: @MainActor () async throws -> Void

        init(_ source: String, _ run: @escaping @MainActor () async throws -> Void) {
            self.source = source
            self.run = run
        }
    }

    private init(_ name: String, _ summary: String, _ parts: Part...) {
        self.name = name
        self.summary = summary
        self.parts = parts
    }

    static let allCases = [
        Example(
            "helloio", "Two greetings, one after the other.",
            Part(ExampleSource.helloIOExample, helloIOExample)),
        Example(
            "gather", "Two greetings at the same time, and their results.",
            Part(ExampleSource.gatherExample, gatherExample)),
        Example(
            "generator", "Two asynchronous generators: one waits before each value, the other does not.",
            Part(ExampleSource.slowGeneratorExample, slowGeneratorExample),
            Part(ExampleSource.quickGeneratorExample, quickGeneratorExample)),
        Example(
            "sleep", "A generator that sleeps for a second before each value.",
            Part(ExampleSource.sleepExample, sleepExample)),
        Example(
            "tothread", "A computation on a thread of its own.",
            Part(ExampleSource.toThreadExample, toThreadExample)),
        Example(
            "createtask", "Tasks that run concurrently, awaited one by one and then gathered.",
            Part(ExampleSource.createTaskExample, createTaskExample),
            Part(ExampleSource.gatherTasksExample, gatherTasksExample)),
        Example(
            "wait", "Waiting with a timeout, and waiting for several tasks.",
            Part(ExampleSource.timeoutExample, timeoutExample),
            Part(ExampleSource.waitExample, waitExample)),
        Example(
            "ascomplete", "Tasks in the order in which they end.",
            Part(ExampleSource.asCompletedExample, asCompletedExample)),
        Example(
            "lock", "A lock that three workers hold across awaits.",
            Part(ExampleSource.lockExample, lockExample)),
        Example(
            "event", "Three workers that wait for an event.",
            Part(ExampleSource.eventExample, eventExample)),
        Example(
            "condition", "A producer and a consumer that share a condition.",
            Part(ExampleSource.conditionExample, conditionExample)),
        Example(
            "semaphore", "Five workers, at most three of them at a time.",
            Part(ExampleSource.semaphoreExample, semaphoreExample)),
        Example(
            "queue", "A producer and a consumer that share a queue.",
            Part(ExampleSource.queueExample, queueExample)),
        Example(
            "queuel", "Three producers and three consumers that share a queue and a lock.",
            Part(ExampleSource.queueWithLockExample, queueWithLockExample)),
        Example(
            "queuec", "Three producers and three consumers that share a queue and a condition.",
            Part(ExampleSource.queueWithConditionExample, queueWithConditionExample)),
    ]

    // MARK: The command line

    static func == (left: Self, right: Self) -> Bool { left.name == right.name }
    static func name(for example: Self) -> NameSpecification { .customLong(example.name) }
    static func help(for example: Self) -> ArgumentHelp? { ArgumentHelp(stringLiteral: example.summary) }
}
