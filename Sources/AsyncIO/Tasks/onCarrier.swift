// # Tasks and carriers
//
// An `AsyncTask` is a logical task that is carried by a Swift task. The difference matters where a scope can cancel its
// body and then continue. Swift's native cancellation flag cannot be reset. After a timeout, every later `Task.sleep`
// in the same Swift task would throw immediately. Such a scope (`withTimeout`, `withAsyncTaskGroup`, `waitFor` with a
// body, a shielded cleanup) therefore runs its body on a new carrier of the same logical task. The scope cancels the
// body's carrier, including foreign waits; the outer carrier is not affected.
//
// 1. The new carrier starts immediately, inside the caller's job (`Task.immediate`), so that starting it takes no turn.
// 2. It registers itself in the loop's table as a carrier of the task, and becomes the task's innermost carrier.
// 3. The outer carrier suspends until the body ends. This is not a wait of the logical task, because `waitingOn` is the
//    future that the body waits for.
// 4. When the body has ended, the outer carrier is the innermost carrier again. It continues directly after this job
//    (`runNext`), without an entry in the queue, because this is one step in asyncio.
//
// Bodies of nested scopes start inside each other, so the stack grows with the depth of the nesting. When most of the
// stack is in use (`isStackLow`), a carrier starts through the queue.
//
// A wait that involves only this library's futures needs no carrier, because the logical request to cancel is
// sufficient (`cancel(_:isNative:)`).

/// The result of a body that runs on a new carrier.
@usableFromInline
final class Handover<Value>: Seat {
    @usableFromInline @safe @exclusivity(unchecked) var result: Result<Value, any Error>?
    /// Whether there is a result.
    @usableFromInline @safe @exclusivity(unchecked) var hasEnded = false

    // The code that involves the value is inlinable, so that it is specialized in the user's module. Otherwise, each call
    // would look up the metadata of `Result<Value, any Error>`.

    @inlinable
    override init() {
        result = nil
        super.init()
    }

    @inlinable
    deinit {}

    /// Called when the body has ended. The outer carrier runs next, if it is already waiting.
    @inlinable
    func finish(_ result: Result<Value, any Error>) {
        self.result = result
        hasEnded = true
        handOver()
    }

    /// Suspends the outer carrier until the body has ended.
    @usableFromInline
    func waitForEnd() async { await wait(while: { !hasEnded }) }

    @inlinable
    func outcome() throws -> Value {
        guard let result else { endedWithoutResult() }
        return try result.get()
    }
}

@usableFromInline
func endedWithoutResult() -> Never {
    fatalError("a carrier ended without a result; this is a bug in swift-asyncio")
}

/// Runs `body` on a new carrier of `task`, which must be the current task.
@inlinable
func onCarrier<T>(
    of task: AnyAsyncTask, isolation: isolated (any Actor)? = #isolation, _ body: @escaping () async throws -> T
) async throws -> T {
    let handover = Handover<T>()
    let outer = task.carrier
    if isStackLow() {
        // The bodies of nested scopes have started inside each other. This body starts one turn later, on a new stack.
        // If a request to cancel arrives earlier, it is stored for this body, not for `outer`.
        task.carrier = nil
        Task {
            _ = isolation
            task.enterCarrier()
            let result: Result<T, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            task.leaveCarrier(backTo: outer)
            handover.finish(result)
        }
    } else {
        Task.immediate {
            _ = isolation
            task.enterCarrier()
            let result: Result<T, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            task.leaveCarrier(backTo: outer)
            handover.finish(result)
        }
    }
    if !handover.hasEnded { await handover.waitForEnd() }
    return try handover.outcome()
}

/// Runs `body` as a separate task if the calling Swift task has no AsyncTask. This function makes it possible to use
/// scopes, such as `withTimeout`, in any Swift task.
@inlinable
func adopted<T>(
    isolation: isolated (any Actor)? = #isolation, site: CreationSite, _ body: @escaping () async throws -> T
) async throws -> T {
    try await createTask(name: nil, eager: true, isolation: isolation, site: site) {
        _ = isolation
        return try await body()
    }.value
}
