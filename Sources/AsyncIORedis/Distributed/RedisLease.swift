internal import AsyncIO

/// A lock, or a place in a semaphore, that a task holds on a server for a limited time.
///
/// The lease is renewed in the background until the body ends. If it cannot be renewed in time, the body is cancelled:
/// see ``RedisLeaseLostError``.
///
/// redis-py: the state of a `Lock`.
public final class RedisLease {
    /// A number that grows with each lease of the same key. Pass it to a store that rejects numbers lower than the
    /// highest one it has received. This protects the store from a holder that has not yet noticed the end of its
    /// lease.
    public let fencingToken: Int
    /// Whether the lease was lost.
    public private(set) var isLost = false

    init(fencingToken: Int) { self.fencingToken = fencingToken }

    fileprivate func lose() { isLost = true }
}

/// An error thrown when a lease could not be renewed in time. The body was cancelled, because another task may now hold
/// the lock or the place.
///
/// redis-py: `LockNotOwnedError`.
public struct RedisLeaseLostError: Error, CustomStringConvertible {
    /// The key of the lock or the semaphore.
    public let key: String
    /// The error as text.
    public var description: String { "the lease of \(key) was lost" }
}

/// The scripts to take, renew, and give back a lease. Their first argument is the owner.
struct LeaseScripts: Sendable {
    /// The other arguments are the lease in milliseconds, and those that the kind of lease requires. Returns 1 and the
    /// fencing token, or 0 and the longest time to wait before the next attempt, in milliseconds.
    let take: RedisScript
    /// The other argument is the lease in milliseconds. Returns whether the lease is still held.
    let renew: RedisScript
    /// The other argument is the channel on which the end is announced.
    let giveBack: RedisScript
}

/// The life of a lease.
struct LeaseKeeper {
    let redis: RedisClient
    let key: String
    /// The key of the counter of fencing tokens.
    let fence: String
    let lease: Duration
    let owner: String
    let scripts: LeaseScripts
    /// Additional arguments of the script that takes a lease.
    var limits: [any RedisArgument] = []

    /// The channel on which the end of a lease is announced.
    static func channel(of key: String) -> String { "\(key):released" }

    /// The fraction of the lease after which the body is cancelled. The rest allows for clocks that run at different
    /// speeds.
    private static let usable = 0.95

    /// Takes a lease, runs `body`, and gives the lease back.
    ///
    /// - Parameter timeout: How long to wait for the lease, or nil to wait as long as it takes.
    /// - Returns: The value that the body returns, or nil if the time limit was reached.
    func run<T>(
        timeout: Duration?, _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T? {
        let result: Result<T?, any Error>
        do {
            guard let (lease, deadline) = try await waitForLease(timeout) else { return nil }
            result = .success(try await keep(lease, until: deadline, body))
        } catch {
            // A task that was cancelled while it asked for the lease may have received it.
            result = .failure(error)
        }
        // A lease that cannot be given back soon expires by itself. A lost lease has already expired.
        if case .failure(let error) = result, (error as? RedisLeaseLostError)?.key == key { throw error }
        try? await withCleanup(timeout: min(lease, .seconds(1))) { try await giveBack() }
        return try result.get()
    }

    private func take() async throws -> (isTaken: Bool, number: Int) {
        let reply = try await redis.run(
            scripts.take, keys: [key, fence], arguments: [owner, lease.redisMilliseconds] + limits
        ).array
        return (try reply[0].integer == 1, try reply[1].integer)
    }

    private func renew() async throws -> Bool {
        try await redis.run(scripts.renew, keys: [key], arguments: [owner, lease.redisMilliseconds]).integer == 1
    }

    private func giveBack() async throws {
        _ = try await redis.run(scripts.giveBack, keys: [key], arguments: [owner, Self.channel(of: key)])
    }

    private func waitForLease(
        _ timeout: Duration?
    ) async throws -> (RedisLease, ContinuousClock.Instant)? {
        let loop = try EventLoop.running
        let end = timeout.map { loop.now.advanced(by: $0) }
        var releases: RedisSubscription?
        defer { releases?.close() }
        while true {
            // The time of the lease is counted from the moment before the command is sent, not from when the server
            // grants it.
            let start = loop.now
            switch try await take() {
            case (true, let token):
                return (RedisLease(fencingToken: token), start.advanced(by: lease * Self.usable))
            case (false, let rest):
                if let end, end <= loop.now { return nil }
                guard let releases else {
                    // Subscribe, and try again: the holder may have released the lease in the meantime.
                    releases = try await redis.subscribe(Self.channel(of: key), capacity: 1)
                    continue
                }
                // A lease that ends without an announcement is noticed when its time has passed.
                let latest = loop.now.advanced(by: min(.milliseconds(max(1, rest)), .seconds(1)))
                do {
                    try await withTimeout(until: end.map { min($0, latest) } ?? latest) {
                        if try await releases.next() == nil { throw RedisConnectionError.closed }
                    }
                } catch is TimeoutError {}
            }
        }
    }

    /// Runs the body while the lease is renewed.
    private func keep<T>(
        _ lease: RedisLease, until deadline: ContinuousClock.Instant,
        _ body: nonisolated(nonsending) (RedisLease) async throws -> T
    ) async throws -> T {
        let loop = try EventLoop.running
        var limit: Timeout?
        do {
            // The body has a time limit, which each renewal extends.
            return try await withTimeout(until: deadline, lateResult: .discard) { timeout in
                limit = timeout
                let renewal = createTask(name: "the lease of \(key)") {
                    while true {
                        try await sleep(self.lease / 3)
                        let start = loop.now
                        do {
                            guard try await renew() else { return try timeout.reschedule(to: loop.now) }
                            try timeout.reschedule(to: start.advanced(by: self.lease * Self.usable))
                        } catch let error where RedisError.isPassing(error) {
                            // The next attempt can succeed if there is time left.
                        }
                    }
                }
                defer { renewal.cancel() }
                return try await body(lease)
            }
        } catch {
            guard limit?.isExpired ?? false else { throw error }
            lease.lose()
            throw RedisLeaseLostError(key: key)
        }
    }
}
