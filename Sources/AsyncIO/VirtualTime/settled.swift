/// Suspends the current task until nothing else on its loop can run.
///
/// Use it in tests, to let everything happen that a step has caused, without sleeping:
///
/// ```swift
/// let consumer = createTask { try await queue.get() }
/// try await settled() // the consumer waits now
/// #expect(!consumer.isDone)
/// ```
///
/// In virtual time, it returns before time would go on. In real time, it returns when nothing is ready and no
/// descriptor has an event, which does not include what the network or another thread brings a moment later.
/// If several tasks wait, they continue one after the other, each when nothing else can run.
///
/// - Throws: `CancellationError` if the task is cancelled.
///
/// asyncio: none. In trio, this is `trio.testing.wait_all_tasks_blocked`.
public func settled() async throws {
    let loop = EventLoop.required(for: "settled")
    let settlers = loop.settlers ?? Settlers()
    loop.settlers = settlers
    defer { if settlers.queue.isEmpty, loop.settlers === settlers { loop.settlers = nil } }
    try await settlers.queue.park(for: "settled()")
}

/// The tasks that wait until nothing else can run. Loop thread only.
final class Settlers {
    let queue = WaitQueue()
    /// The latest turn in which the loop has asked for events before it wakes one of the tasks.
    var polledTurn: UInt64 = 0
}

extension EventLoop {
    /// Wakes one of the tasks that wait in ``settled()``. Returns false if there is none.
    func wakeSettler() -> Bool {
        guard let settlers, settlers.queue.hasLiveWaiter else { return false }
        settlers.queue.wakeFirst()
        return true
    }

    /// What a loop in real time does in place of sleeping when nothing is ready, but tasks wait in ``settled()``.
    func timeUntilSettled() -> Int64? {
        guard let settlers else { return 0 }
        if settlers.polledTurn == turns &- 1, !inbox.hasNews {
            _ = wakeSettler()
        } else {
            settlers.polledTurn = turns
        }
        return 0
    }
}
