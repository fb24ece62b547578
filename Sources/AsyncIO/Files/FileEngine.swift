internal import AsyncIOSystem

/// Who does a loop's file requests: on a ring or on threads, siblings with the same verbs. Loop
/// thread only.
class FileEngine {
    /// As much as is read without a suspension in one turn of the loop, in bytes: more would
    /// keep others waiting.
    static let readNowLimit = 256 * 1024
    /// What opening a file, or reading a little, costs at least, in such bytes.
    private static let least = 4096

    unowned let loop: EventLoop
    private var turn: UInt64 = 0
    private var readInTurn = 0

    init(loop: EventLoop) { self.loop = loop }

    /// Sees to it that the operation is done and ends; it may have ended at once.
    func start(_ operation: FileOperation) throws {}
    /// Nobody wants it any more: ends it sooner if that can be done, or lets its task go.
    func cancel(_ operation: FileOperation) {}
    /// The loop ends: nothing that was started may use memory that is freed.
    func close() {}

    // MARK: What needs no waiting

    /// Lets others run if this turn has seen enough.
    nonisolated(nonsending) final func giveWay() async throws {
        if turn == loop.turns, readInTurn > Self.readNowLimit { try await yieldToLoop() }
    }

    /// Something was done without a suspension.
    final func note(_ count: Int) {
        if turn != loop.turns { (turn, readInTurn) = (loop.turns, 0) }
        readInTurn += max(count, Self.least)
    }
}
