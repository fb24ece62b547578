/// Starts `body` as a task. The task begins in the loop's next turn, after all tasks and callbacks that are ready now,
/// and runs concurrently with its creator.
///
/// The body runs with the caller's isolation, so it can capture and return values that are not Sendable. The body
/// inherits the task-local values of the caller.
///
/// - Parameters:
///   - name: The name of the task in reports, or `nil` for the default name `Task-N`.
///   - eager: Whether to start the task immediately. If this is `true`, the body runs inside this call until it first
///     suspends. If the body does not suspend, the task has ended when this call returns. If nested eager tasks have
///     used up most of the stack, the task starts in the next turn instead.
///   - body: The body of the task.
/// - Returns: The task. Its value or error is available from ``AsyncTask/value``.
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
    // A synchronous closure in a function that belongs to no actor has no isolation, although it runs on a loop.
    // Without isolation, a task would leave a loop that has its own thread. On the loop of the process, each of the
    // task's waits would cost two more entries.
    if isolation == nil, let home = LoopHome.ofThisThread {
        // SAFETY: the caller and the task run on this thread.
        nonisolated(unsafe) let body = body
        return home.assume { home in
            unsafe createTask(name: name, eager: eager, isolation: home, site: site, body)
        }
    }
    let task = AsyncTask<T>(name: name, site: site)
    // Neither of the Swift tasks throws an error, but both have the throwing type, because the runtime needs a thunk,
    // and therefore an allocation, for the non-throwing type. The number of nested eager tasks is limited by the stack.
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

// Functions that run many bodies take items and one body for all of them, not an array of bodies. Swift 6.3 compiles
// the conversion of an array of closures to an array of nonsending closures, but the compiled program aborts during the
// conversion.

/// Creates a task for each item, in order. The parameters `fileID` and `line` specify the creation site of the tasks.
@inlinable
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
