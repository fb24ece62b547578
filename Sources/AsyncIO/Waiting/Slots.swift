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
        defer { while free > 0, passOn() {} }
        try await line.park(for: purpose, on: subject, ifCancelled: { wasWoken in if wasWoken { free += 1 } })
    }

    /// Takes a slot if one is free. Returns whether it did.
    func takeNoWait() -> Bool {
        guard !areTaken else { return false }
        free -= 1
        return true
    }

    /// Removes a free slot, regardless of the tasks that wait. Returns whether there was one.
    func remove() -> Bool {
        guard free > 0 else { return false }
        free -= 1
        return true
    }

    /// Frees a slot, or passes it to the first waiting task.
    func release() {
        free += 1
        _ = passOn()
    }

    /// Passes a free slot to the first waiting task that has not been woken yet.
    private func passOn() -> Bool {
        guard line.wake(1) == 1 else { return false }
        free -= 1
        return true
    }
}
