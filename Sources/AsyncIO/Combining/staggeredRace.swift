/// Starts bodies one after another until one of the bodies returns a value.
///
/// The next body starts when the previous body has failed, or when `delay` has passed since the previous body started.
/// The first body that returns a value is the winner. The other bodies are cancelled and awaited.
///
/// - Parameters:
///   - delay: The time to wait for a body before the next body starts, or `nil` to start the next body only after the
///     previous body has failed.
///   - bodies: The bodies, in the order in which they start.
/// - Returns: The winner's value and its index among `bodies`, or `nil` if there was no winner. The array `errors` has
///   an element for each body that was started. The element is the error of the body, or `nil` if the body did not
///   fail.
/// - Throws: `CancellationError` if the waiting task is cancelled. In that case, all bodies are cancelled, and the
///   error is thrown after they have ended.
///
/// asyncio: `asyncio.staggered.staggered_race`.
public func staggeredRace<T>(
    delay: Duration?, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ bodies: (() async throws -> T)...
) async throws -> (value: T?, index: Int?, errors: [(any Error)?]) {
    try await staggeredRace(bodies.indices, delay: delay, isolation: isolation, fileID: fileID, line: line) { index in
        _ = isolation
        return try await bodies[index]()
    }
}

/// Starts `body` for each of `items` in turn, until one of the bodies returns a value.
///
/// - Parameters:
///   - items: The items, in the order in which their bodies start.
///   - delay: The time to wait for a body before the next body starts, or `nil` to start the next body only after the
///     previous body has failed.
///   - body: A closure that receives an item.
/// - Returns: The winner's value and its index among `items`, or `nil` if there was no winner. The array `errors` has
///   an element for each item whose body was started. The element is the error of the body, or `nil` if the body did
///   not fail.
/// - Throws: `CancellationError` if the waiting task is cancelled. In that case, all bodies are cancelled, and the
///   error is thrown after they have ended.
///
/// asyncio: `asyncio.staggered.staggered_race`.
public func staggeredRace<Item, T>(
    _ items: some Sequence<Item>, delay: Duration?, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> (value: T?, index: Int?, errors: [(any Error)?]) {
    let race = StaggeredRace(AnyIterator(items.makeIterator()), delay: delay, fileID: fileID, line: line, body)
    race.startNext(after: nil, isolation: isolation)
    try await race.finish()
    return (race.winner?.value, race.winner?.index, race.errors)
}

private final class StaggeredRace<Item, T> {
    // Loop thread only: created, used and released inside `staggeredRace`.
    /// The items whose bodies have not started. The sequence can be infinite.
    private let items: AnyIterator<Item>
    private let body: (Item) async throws -> T
    private let delay: Duration?
    private let fileID: StaticString
    private let line: UInt
    private var running: [AnyAsyncTask] = []
    private var allEnded: Waiter?
    private(set) var winner: (value: T, index: Int)?
    private(set) var errors: [(any Error)?] = []

    init(
        _ items: AnyIterator<Item>, delay: Duration?, fileID: StaticString, line: UInt,
        _ body: @escaping (Item) async throws -> T
    ) {
        self.items = items
        self.delay = delay
        self.fileID = fileID
        self.line = line
        self.body = body
    }

    /// Starts a task that runs the next body when the body is due. If no body is left at that time, the task ends
    /// without running a body.
    ///
    /// - Parameter failure: The event that is set when the previous body fails.
    func startNext(after failure: Event?, isolation: isolated (any Actor)?) {
        let task = createTask(isolation: isolation, fileID: fileID, line: line) {
            _ = isolation
            try await self.run(after: failure, isolation: isolation)
        }
        running.append(task)
        task.onDone { [self] task in
            running.removeAll { $0 === task }
            if running.isEmpty { allEnded?.complete() }
        }
    }

    private func run(after failure: Event?, isolation: isolated (any Actor)?) async throws {
        if let failure {
            do { try await waitFor(timeout: delay) { try await failure.wait() } } catch is TimeoutError {}
        }
        guard let item = items.next() else { return }
        let index = errors.count
        errors.append(nil)
        let hasFailed = Event()
        startNext(after: hasFailed, isolation: isolation)
        do {
            let value = try await body(item)
            // A body that was cancelled can still return a value.
            guard winner == nil else { return }
            winner = (value, index)
            let me = currentTask()
            for task in running where task !== me { task.cancel() }
        } catch {
            errors[index] = currentTask()?.counted(error) ?? error
            hasFailed.set()
        }
    }

    /// Waits for all bodies. If the current task is cancelled in the meantime, this method cancels the bodies and
    /// throws `CancellationError` after they have ended.
    func finish() async throws {
        let cancellation = await shielded { ignoresNativeCancellation in
            while !running.isEmpty {
                let waiter = Waiter(for: "the bodies of its race", on: self)
                allEnded = waiter
                try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
            }
        } onCancel: { [self] cancellation in
            for task in running { task.cancel(cancellation.message) }
        }
        if let cancellation { throw cancellation.delivered() }
    }
}
