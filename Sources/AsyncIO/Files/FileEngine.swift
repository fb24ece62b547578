internal import AsyncIOSystem
internal import SystemPackage

/// The base class of the engines that perform a loop's file requests. One engine uses io_uring, another engine uses
/// threads, and a third engine is for simulations. These classes are used only on the loop's thread.
class FileEngine {
    /// The maximum number of bytes that are read immediately, without suspending the task. Larger reads would delay
    /// other tasks.
    static let readNowLimit = 256 * 1024

    unowned let loop: EventLoop
    /// The requests in progress. The loop waits for them before it ends, and before virtual time advances.
    let work: ForeignWork

    init(loop: EventLoop) {
        self.loop = loop
        work = loop.foreignWork
    }

    /// Starts the operation, which may end before this method returns.
    func start(_ operation: FileOperation) throws {}
    /// Cancels an operation whose result is no longer needed. The method ends the operation early if possible.
    /// Otherwise, it releases the task of the operation.
    func cancel(_ operation: FileOperation) {}
    /// Closes the engine when its loop is closed. After this call, no started request may use freed memory.
    func close() {}

    // MARK: What does not block

    /// Whether the descriptors belong to the system, so that data in memory can be read immediately.
    var usesSystem: Bool { true }
    func facts(of descriptor: Int32) throws(Errno) -> FileFacts { try FileFacts(of: descriptor) }
    /// Closes a descriptor. The call can block if data was written to the file or the file was deleted.
    func closeNow(_ descriptor: Int32) { FileFacts.close(descriptor) }

    /// Yields to other tasks if this step's budget is spent; see IOBudget.swift.
    @inline(never)
    final func giveWayIfDue() async throws {
        if loop.isBudgetSpent { try await giveWay() }
    }
}
