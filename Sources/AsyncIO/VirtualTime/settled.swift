/// Suspends the current task until nothing else on its loop can run.
///
/// Use this function in tests to run everything that a step has caused, without sleeping:
///
/// ```swift
/// let consumer = createTask { try await queue.get() }
/// try await settled() // the consumer is now waiting
/// #expect(!consumer.isDone)
/// ```
///
/// In virtual time, this function returns before time advances. In real time, this function returns when nothing is
/// ready and no descriptor has an event. It does not wait for data or results that arrive a moment later. If several
/// tasks call this function, they continue one after another. Each task continues only when nothing else can run.
///
/// - Throws: `CancellationError` if the task is cancelled.
///
/// asyncio: none. In trio, this is `trio.testing.wait_all_tasks_blocked`.
public func settled() async throws {
    let loop = EventLoop.required(for: "settled")
    let queue = WaitQueue.of(&loop.settlers)
    // The loop checks for tasks in settled() whenever it is idle, so an empty queue is not stored.
    defer { if queue.isEmpty, loop.settlers === queue { loop.settlers = nil } }
    try await queue.park(for: "settled()")
}

extension EventLoop {
    /// Resumes the first task that is suspended in ``settled()``. Returns false if no task is suspended there.
    func wakeSettler() -> Bool {
        guard let settlers, settlers.hasLiveWaiter else { return false }
        settlers.wakeFirst()
        return true
    }

    /// Returns the time for which a loop in real time can sleep when nothing is ready and tasks are suspended in
    /// ``settled()``.
    func timeUntilSettled() -> Int64? {
        if !mustPollFirst() { _ = wakeSettler() }
        return 0
    }

    /// Returns whether the loop must poll to find out whether a descriptor has an event. If so, the caller makes the
    /// loop poll now.
    func mustPollFirst() -> Bool {
        if idlePollTurn == turns &- 1 { return false }
        idlePollTurn = turns
        return true
    }
}
