/// Starts `body` as a task: it begins in the loop's next turn, after what is ready
/// already, and runs beside its creator.
///
/// The body runs where the caller is isolated, so that it may capture and return
/// what is not Sendable. Task-local values are those of the caller.
///
/// - Parameters:
///   - name: for reports; nil for `Task-N`.
///   - eager: whether to start at once: the body runs inside this call up to its
///     first suspension, and the task has ended on return if there was none. When so many
///     have started each other, one inside the other, that most of the stack is in use, it begins
///     in the next turn, as others do.
/// - Returns: the task; its value or error comes with ``AsyncTask/value``.
///
/// asyncio: `asyncio.create_task(coro, name=, eager_start=)`.
@inlinable
@discardableResult
public func createTask<T>(
    name: String? = nil,
    eager: Bool = false,
    isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID,
    line: UInt = #line,
    _ body: @escaping () async throws -> T
) -> AsyncTask<T> {
    createTask(
        name: name, eager: eager, isolation: isolation, site: CreationSite(fileID: fileID, line: line), body)
}

@inlinable
func createTask<T>(
    name: String?, eager: Bool, isolation: isolated (any Actor)?, site: CreationSite,
    _ body: @escaping () async throws -> T
) -> AsyncTask<T> {
    let task = AsyncTask<T>(name: name, site: site)
    // Neither Swift task throws, but the runtime takes throwing ones: others cost it a thunk,
    // and that an allocation.
    // Eager tasks that start each other, one inside the other, are as many as the stack takes.
    if eager, !isStackLow() {
        Task<Void, any Error>.immediate {
            _ = isolation
            guard task.begin() else { return }
            do { task.end(with: .success(try await body())) } catch { task.end(with: .failure(error)) }
        }
    } else {
        Task<Void, any Error> {
            _ = isolation
            guard task.begin() else { return }
            do { task.end(with: .success(try await body())) } catch { task.end(with: .failure(error)) }
        }
    }
    return task
}

// Functions that run many bodies take items and one body for all of them, not an array of
// bodies: Swift 6.3 compiles the conversion of an array of closures to one of nonsending
// closures, and aborts when it runs.

/// A task for each item, in order, which counts as created at the caller's own caller.
func createTasks<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ body: @escaping (Item) async throws -> T
) -> [AsyncTask<T>] {
    items.map { item in
        createTask(isolation: isolation, fileID: fileID, line: line) {
            _ = isolation
            return try await body(item)
        }
    }
}
