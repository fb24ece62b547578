internal import AsyncIOSystem
internal import SystemPackage

/// The base class of the engines that perform a loop's file requests. One uses an io_uring, one uses threads, and one
/// is for simulations. Loop thread only.
class FileEngine {
    /// The maximum number of bytes to read at once without a suspension. Larger reads would delay
    /// other tasks.
    static let readNowLimit = 256 * 1024

    unowned let loop: EventLoop
    /// The work that the end of the loop and virtual time wait for.
    let work: ForeignWork

    init(loop: EventLoop) {
        self.loop = loop
        work = loop.foreignWork
    }

    /// Starts the operation, which may end before this returns.
    func start(_ operation: FileOperation) throws {}
    /// Cancels an operation that no task wants anymore. Ends it early if possible, or else releases its task.
    func cancel(_ operation: FileOperation) {}
    /// Closes the engine with its loop. No started request may use freed memory afterwards.
    func close() {}

    // MARK: What does not block

    /// Whether descriptors belong to the system, so that data in memory can be used at once.
    var usesSystem: Bool { true }
    func facts(of descriptor: Int32) throws(Errno) -> FileFacts { try FileFacts(of: descriptor) }
    /// Closes a descriptor. Can block, except for a file that was only read and still has a name.
    func closeNow(_ descriptor: Int32) { FileFacts.close(descriptor) }

    /// Yields to other tasks if this step has done enough without waiting; see IOBudget.swift.
    @inline(never)
    final func giveWayIfDue() async throws {
        if loop.isBudgetSpent { try await giveWay() }
    }
}
