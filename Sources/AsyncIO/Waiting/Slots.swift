/// A set of slots, with a FIFO queue of tasks that wait for a slot. Semaphores and the limits of task groups use this
/// class. Use the class only on the loop's thread.
final class Slots {
    /// The number of free slots.
    @safe @exclusivity(unchecked) private(set) var free: Int
    let line = WaitQueue()

    init(_ free: Int) { self.free = free }

    /// Whether a task that requests a slot must wait.
    var areTaken: Bool { free == 0 || line.hasLiveWaiter }

    /// Takes a slot. If no slot is available, this method waits for a slot.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the task has no slot.
    @inline(__always)
    func take(for purpose: StaticString, on subject: AnyObject) async throws {
        guard areTaken else {
            free -= 1
            return
        }
        // More slots may have been released while this task was about to resume.
        defer { passOn() }
        try await line.park(for: purpose, on: subject, ifCancelled: { wasWoken in if wasWoken { free += 1 } })
    }

    /// Takes a slot if one is free. Returns whether a slot was taken.
    func takeNoWait() -> Bool {
        guard !areTaken else { return false }
        free -= 1
        return true
    }

    /// Removes up to `count` free slots, regardless of waiting tasks. Returns the number of removed slots.
    func remove(_ count: Int) -> Int {
        let removed = min(count, free)
        free -= removed
        return removed
    }

    /// Releases slots. If tasks are waiting, the slots are passed to the first of these tasks.
    func release(_ count: Int = 1) {
        free += count
        passOn()
    }

    /// Passes the free slots to the first waiting tasks that have not been woken yet.
    private func passOn() {
        if free > 0 { free -= line.wake(free) }
    }
}
