// # Tasks and carriers
//
// An `AsyncTask` is the logical task; a Swift task only carries it. That matters
// where a scope may cancel its body and then go on: Swift's native cancellation
// flag, once set, stays, so that after a time-out every later `Task.sleep` of the
// same Swift task would throw at once. Such a scope (`withTimeout`,
// `withAsyncTaskGroup`, `waitFor` with a body, a shielded clean-up) therefore runs
// its body on a fresh carrier of the same logical task. The scope cancels the body's
// carrier, foreign waits included; the outer carrier never hears of it.
//
// 1. The fresh carrier starts at once, inside the caller's job (`Task.immediate`),
//    so that it costs no turn.
// 2. It enters itself in the loop's table as a carrier of the task, and as the task's
//    innermost one.
// 3. The outer carrier suspends until the body ends. That is no wait of the logical
//    task: `waitingOn` belongs to what the body waits for.
// 4. When the body has ended, the outer carrier is the innermost again and goes on
//    right after this job (`runNext`), without a place in the queue: in asyncio this
//    is one step.
//
// Bodies that enter scopes in scopes start inside each other, so that their stack is the
// user's nesting. When most of it is in use (`isStackLow`), a carrier starts through the queue.
//
// A wait for our own futures alone needs no carrier: there, the logical request to
// cancel is enough (`cancel(_:isNative:)`).

/// What a body on a fresh carrier hands back.
@usableFromInline
final class Handover<Value>: Seat {
    @usableFromInline @safe @exclusivity(unchecked) var result: Result<Value, any Error>?

    @usableFromInline
    override init() { super.init() }

    /// The body has ended; the outer carrier, if it waits already, goes on next.
    @usableFromInline
    func finish(_ result: Result<Value, any Error>) {
        self.result = result
        handOver()
    }

    /// Suspends the outer carrier until the body has ended.
    @usableFromInline
    nonisolated(nonsending) func waitForEnd() async { await wait(while: { result == nil }) }

    @usableFromInline
    func outcome() throws -> Value {
        guard let result else {
            fatalError("A carrier came back without a result; this is a mistake in swift-asyncio.")
        }
        return try result.get()
    }
}

/// Runs `body` on a fresh carrier of `task`, the current task.
@inlinable
func onCarrier<T>(
    of task: AnyAsyncTask, isolation: isolated (any Actor)? = #isolation, _ body: @escaping () async throws -> T
) async throws -> T {
    let handover = Handover<T>()
    let outer = task.carrier
    if isStackLow() {
        // Scopes in scopes have started each other's bodies: this one begins with a stack of its
        // own, a turn later. A request that comes before is kept for it, and not for `outer`.
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
    if handover.result == nil { await handover.waitForEnd() }
    return try handover.outcome()
}

/// Runs `body` as a task of its own, in place of a plain Swift task that has no
/// logical one: what lets a scope be used anywhere.
@inlinable
func adopted<T>(
    isolation: isolated (any Actor)? = #isolation, site: CreationSite, _ body: @escaping () async throws -> T
) async throws -> T {
    try await createTask(name: nil, eager: true, isolation: isolation, site: site) {
        _ = isolation
        return try await body()
    }.value
}
