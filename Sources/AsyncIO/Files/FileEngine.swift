internal import AsyncIOSystem

/// The base class of the engines that perform a loop's file requests: one on an io_uring, one on
/// threads. Loop thread only.
class FileEngine {
    /// The maximum number of bytes to read at once without a suspension. Larger reads would delay
    /// other tasks.
    static let readNowLimit = 256 * 1024

    unowned let loop: EventLoop
    /// What the end of the loop, and virtual time, wait for.
    let work: ForeignWork

    init(loop: EventLoop) {
        self.loop = loop
        work = loop.foreignWork
    }

    /// Starts the operation, which may end before this returns.
    func start(_ operation: FileOperation) throws {}
    /// Cancels an operation that no task wants any more: ends it early if possible, or else
    /// releases its task.
    func cancel(_ operation: FileOperation) {}
    /// Closes the engine with its loop. No started request may use freed memory afterwards.
    func close() {}

    /// Yields to other tasks if this step has done enough without waiting; see IOBudget.swift.
    @inline(never)
    final func giveWayIfDue() async throws {
        if loop.isBudgetSpent { try await giveWay() }
    }
}
