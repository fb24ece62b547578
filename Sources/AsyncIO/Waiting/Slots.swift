/// A number of slots, and the tasks that wait for one in FIFO order. Shared by semaphores and the limits of task
/// groups. Loop thread only.
final class Slots {
    /// The number of free slots.
    @safe @exclusivity(unchecked) private(set) var free: Int
    let line = WaitQueue()

    init(_ free: Int) { self.free = free }

    /// Whether a task would have to wait for a slot.
    var areTaken: Bool { free == 0 || line.hasLiveWaiter }

    /// Takes a slot, and waits for one if necessary.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, it has no slot.
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

    /// Removes up to `count` free slots, regardless of the tasks that wait. Returns the number of slots that were
    /// removed.
    func remove(_ count: Int) -> Int {
        let removed = min(count, free)
        free -= removed
        return removed
    }

    /// Frees slots, or passes them to the first waiting tasks.
    func release(_ count: Int = 1) {
        free += count
        passOn()
    }

    /// Passes the free slots to the first waiting tasks that have not been woken yet.
    private func passOn() {
        if free > 0 { free -= line.wake(free) }
    }
}
