internal import AsyncIO

extension RedisQueue {
    /// Runs `body` unless a run with this key has already completed; see `JobQueue.once(_:keptFor:lease:_:)`.
    ///
    /// The lease is renewed whenever a third of its duration has passed. A lease of less than 10 ms counts as 10 ms.
    ///
    /// - Throws: `OnceInProgress` if another worker is running the body; ``RedisLeaseLostError`` if the lease was lost,
    ///   either because it could not be renewed in time or because the server no longer has it; ``RedisError`` if the
    ///   server rejects the command; the errors of the body; connection errors; `CancellationError` if the task is
    ///   cancelled. If the lease is lost, the body is cancelled, and another worker may be running it.
    @discardableResult
    public func once(
        _ key: String, keptFor duration: Duration, lease: Duration, _ body: () async throws -> Void
    ) async throws -> Bool {
        let token = randomID()
        let lease = max(.milliseconds(10), lease)
        // Each attempt to begin extends the lease.
        var start = LoopClock().now
        let state: String
        do {
            state = try await call(
                QueueScripts.beginOnce, [key, token, lease.milliseconds], onAttempt: { start = LoopClock().now }
            ).string
        } catch {
            // The server may have granted the lease, even though the task was cancelled while it waited for the answer.
            await abandonOnce(key, token)
            throw error
        }
        if state == "busy" { throw OnceInProgress(key: key) }
        if state == "done" { return false }
        var isLost = false
        do {
            try await withRenewal(of: key, lasting: lease, since: start) {
                try await self.tryCall(QueueScripts.renewOnce, [key, token, lease.milliseconds]).integer == 1
            } onLoss: {
                isLost = true
            } body: {
                try await body()
            }
        } catch {
            if !isLost { await abandonOnce(key, token) }
            throw error
        }
        // This call runs even if the task is now cancelled, because the work has been done.
        let isRecorded = try await withCleanup(timeout: nil) {
            try await call(QueueScripts.endOnce, [key, token, max(1, duration.milliseconds)]).integer == 1
        }
        if !isRecorded { throw RedisLeaseLostError(key: key) }
        return true
    }

    private func abandonOnce(_ key: String, _ token: String) async {
        _ = try? await withCleanup(timeout: .seconds(5)) { try await call(QueueScripts.abandonOnce, [key, token]) }
    }
}
