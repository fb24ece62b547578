internal import AsyncIO

/// The scripts that take, renew, and give back a lease. Their first argument is the owner.
struct LeaseScripts: Sendable {
    /// The script that takes a lease. The other arguments are the duration of the lease in milliseconds, and the
    /// arguments that this kind of lease requires. The script returns 1 and the fencing token, or 0 and the longest
    /// time to wait before the next attempt, in milliseconds.
    let take: RedisScript
    /// The script that renews a lease. The other argument is the duration of the lease in milliseconds. The script
    /// returns whether the lease is still held.
    let renew: RedisScript
    /// The script that gives back a lease. The other argument is the channel on which the end of the lease is
    /// announced.
    let giveBack: RedisScript
}

/// Takes, renews, and gives back a lease. Loop thread only.
//
// The command that takes a lease runs in its own task, which continues even if the task that is waiting for the lease
// is cancelled. The server may therefore grant a lease for which the program is no longer waiting. Such a lease is
// given back only after the reply has arrived, so the order of the commands is correct even if the client uses several
// connections.
final class LeaseKeeper {
    private let redis: RedisClient
    private let key: String
    /// The key of the counter of fencing tokens.
    private let fence: String
    private let lease: Duration
    private let owner: String
    private let scripts: LeaseScripts
    /// Additional arguments of the script that takes a lease.
    private let limits: [any RedisArgument]
    /// The last attempt to take the lease.
    private var attempt: AsyncTask<Answer>?

    private enum Answer {
        case granted(token: Int)
        case refused(wait: Duration)
    }

    init(
        redis: RedisClient, key: String, fence: String, lease: Duration, owner: String, scripts: LeaseScripts,
        limits: [any RedisArgument] = []
    ) {
        self.redis = redis
        self.key = key
        self.fence = fence
        self.lease = lease
        self.owner = owner
        self.scripts = scripts
        self.limits = limits
    }

    /// Takes a lease, runs `body`, and gives the lease back.
    ///
    /// - Parameter timeout: How long to wait for the lease, or nil for no limit.
    /// - Returns: The value that the body returns, or nil if the time limit was reached.
    func run<T>(
        timeout: Duration?, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? {
        guard let (token, start) = try await acquire(within: timeout) else { return nil }
        let lease = RedisLease(fencingToken: token)
        let result: Result<T, any Error>
        do {
            result = .success(try await keep(lease, since: start, body))
        } catch {
            if lease.isLost { throw error }
            result = .failure(error)
        }
        await waitForEnd(of: giveBack())
        return try result.get()
    }

    // MARK: Taking

    /// Returns the fencing token and a time before the lease began, or nil if the time limit was reached.
    private func acquire(within timeout: Duration?) async throws -> (token: Int, start: ContinuousClock.Instant)? {
        do {
            if let timeout, timeout <= .zero {
                let start = try EventLoop.running.now
                guard case .granted(let token) = try await take() else { return nil }
                return (token, start)
            }
            return try await withTimeout(timeout) { try await self.acquire() }
        } catch is TimeoutError {
            // The server may not respond, so this task does not wait until the lease has been given back.
            giveBack()
            return nil
        } catch {
            // The server may have granted the lease, even though the task was cancelled while it waited for the answer.
            await waitForEnd(of: giveBack())
            throw error
        }
    }

    private func acquire() async throws -> (token: Int, start: ContinuousClock.Instant) {
        let loop = try EventLoop.running
        var releases: RedisSubscription?
        defer { releases?.close() }
        while true {
            // The lease is timed from the moment before the command is sent, not from the moment when the server grants
            // it.
            let start = loop.now
            switch try await take() {
            case .granted(let token): return (token, start)
            case .refused(let wait):
                guard let releases else {
                    // Subscribe and try again, because the holder may have released the lease in the meantime.
                    releases = try await redis.subscribe(Self.channel(of: key), capacity: 1)
                    continue
                }
                // If the lease ends without an announcement, this task tries again when the time of the lease has
                // passed.
                do {
                    try await withTimeout(min(wait, .seconds(1))) {
                        if try await releases.next() == nil { throw RedisConnectionError.closed }
                    }
                } catch is TimeoutError {}
            }
        }
    }

    private func take() async throws -> Answer {
        let attempt = createTask(name: "taking the lease of \(key)", eager: true) {
            let reply = try await self.redis.run(
                self.scripts.take, keys: [self.key, self.fence],
                arguments: [self.owner, self.lease.redisMilliseconds] + self.limits
            ).array
            let number = try reply[1].integer
            return try reply[0].integer == 1
                ? Answer.granted(token: number) : .refused(wait: .milliseconds(max(1, number)))
        }
        self.attempt = attempt
        return try await shield(attempt)
    }

    // MARK: Holding

    private func keep<T>(
        _ lease: RedisLease, since start: ContinuousClock.Instant,
        _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T {
        try await withRenewal(of: key, lasting: self.lease, since: start) {
            try await self.redis.run(
                self.scripts.renew, keys: [self.key], arguments: [self.owner, self.lease.redisMilliseconds]
            ).integer == 1
        } onLoss: {
            lease.lose()
        } body: {
            try await body(lease)
        }
    }

    // MARK: Giving back

    /// The channel on which the end of a lease is announced.
    private static func channel(of key: String) -> String { "\(key):released" }

    /// Gives the lease back if the server has granted it or may have granted it.
    ///
    /// - Returns: The task that gives the lease back. While the server cannot be reached, the task repeats the command
    ///   until the lease has expired.
    @discardableResult
    private func giveBack() -> AsyncTask<Void> {
        createTask(name: "giving back the lease of \(key)", eager: true) {
            do {
                if case .refused = try await self.attempt?.value { return }
            } catch let error where !RedisError.mayHaveBeenExecuted(error) {
                return
            } catch {}
            try await self.sendBack()
        }
    }

    /// Waits for a task that gives the lease back, but only for a short time, because the server may not respond.
    private func waitForEnd(of task: AsyncTask<Void>) async {
        try? await withCleanup(timeout: min(lease, .seconds(1))) { try await shield(task) }
    }

    private func sendBack() async throws {
        do {
            try await withTimeout(lease) {
                try await retry(
                    attempts: .max, backoff: self.redis.configuration.backoff,
                    when: { !self.redis.isClosed && RedisError.isPassing($0) }
                ) {
                    _ = try await self.redis.run(
                        self.scripts.giveBack, keys: [self.key],
                        arguments: [self.owner, Self.channel(of: self.key)])
                }
            }
        } catch let error where !(error is CancellationError) {
            // The lease expires.
        }
    }
}
