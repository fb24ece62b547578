import AsyncIO

extension ByHand {
    /// Returns a function that calls a service at most `perSecond` times a second and, after a pause, up to `burst`
    /// times at once. After `failures` consecutive failures, it makes no calls for `recovery`. If an answer takes
    /// longer than `patience`, the service is called a second time, and the first answer to arrive is used.
    static func calls(
        perSecond: Int, burst: Int, failures: Int, recovery: Duration, patience: Duration,
        _ ask: @escaping (String) async throws -> String
    ) -> (String) async throws -> String {
        let bucket = Bucket(perSecond: perSecond, burst: burst)
        let fuse = Fuse(failures: failures, recovery: recovery)
        return { question in
            try await fuse.run {
                try await askTwice(after: patience) {
                    try await bucket.take()
                    return try await ask(question)
                }
            }
        }
    }

    private static func askTwice(
        after patience: Duration, _ ask: @escaping () async throws -> String
    ) async throws -> String {
        var tasks = [createTask { try await ask() }]
        var started = 1
        var lastError: (any Error)?
        do {
            while !tasks.isEmpty {
                let done = try await wait(tasks, timeout: started < 2 ? patience : nil, returnWhen: .firstCompleted)
                    .done
                tasks.removeAll { task in done.contains { $0 === task } }
                for task in done {
                    do {
                        let answer = try await task.value
                        await end(tasks)
                        return answer
                    } catch { lastError = error }
                }
                // The service did not answer in time, or failed.
                if started < 2 {
                    started += 1
                    tasks.append(createTask { try await ask() })
                }
            }
        } catch {
            await end(tasks)
            throw error
        }
        throw lastError ?? CancellationError()
    }

    private static func end(_ tasks: [AsyncTask<String>]) async {
        for task in tasks { task.cancel() }
        _ = try? await gatherResults(tasks)
    }

    private final class Bucket {
        private let interval: Duration
        private let burst: Int
        private var tokens: Double
        private var filledAt: ContinuousClock.Instant?
        private let turn = Lock()

        init(perSecond: Int, burst: Int) {
            interval = .seconds(1) / perSecond
            self.burst = burst
            tokens = Double(burst)
        }

        func take() async throws {
            try await turn.withLock {
                let now = try EventLoop.running.now
                tokens = min(Double(burst), tokens + (now - (filledAt ?? now)) / interval)
                filledAt = now
                if tokens < 1 {
                    try await sleep(interval * (1 - tokens))
                    tokens = 1
                    filledAt = try EventLoop.running.now
                }
                tokens -= 1
            }
        }
    }

    private final class Fuse {
        private let limit: Int
        private let recovery: Duration
        private var failures = 0
        private var closedUntil: ContinuousClock.Instant?
        private var isTrying = false

        init(failures: Int, recovery: Duration) { (limit, self.recovery) = (failures, recovery) }

        func run(_ body: () async throws -> String) async throws -> String {
            let now = try EventLoop.running.now
            if let closedUntil, now < closedUntil || isTrying { throw ProgramError("the service is left alone") }
            let isTrial = closedUntil != nil
            isTrying = isTrial
            defer { if isTrial { isTrying = false } }
            do {
                let value = try await body()
                (failures, closedUntil) = (0, nil)
                return value
            } catch let error as CancellationError {
                throw error
            } catch {
                failures += 1
                if failures >= limit { closedUntil = try EventLoop.running.now.advanced(by: recovery) }
                throw error
            }
        }
    }
}
