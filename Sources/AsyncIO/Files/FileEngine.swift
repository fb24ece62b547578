internal import AsyncIOSystem

/// Who does a loop's file requests: on a ring or on threads, siblings with the same verbs. Loop
/// thread only.
class FileEngine {
    /// As much as is read at once without a suspension, in bytes: more would keep others waiting.
    static let readNowLimit = 256 * 1024

    unowned let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    /// Sees to it that the operation is done and ends; it may have ended at once.
    func start(_ operation: FileOperation) throws {}
    /// Nobody wants it any more: ends it sooner if that can be done, or lets its task go.
    func cancel(_ operation: FileOperation) {}
    /// The loop ends: nothing that was started may use memory that is freed.
    func close() {}

    /// Lets others run if this step has done enough without waiting; see IOBudget.swift.
    @inline(never)
    nonisolated(nonsending) final func giveWayIfDue() async throws {
        if loop.isBudgetSpent { try await giveWay() }
    }
}
