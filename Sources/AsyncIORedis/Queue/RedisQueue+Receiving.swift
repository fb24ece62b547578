public import AsyncIO

extension RedisQueue {
    /// Waits for a job, and takes it; see `WorkQueue.receive()`.
    ///
    /// - Throws: The same errors as ``receive(atMost:)``.
    public func receive() async throws -> Delivery<Job> {
        guard let delivery = try await receive(atMost: 1).first else { throw QueueShutDown() }
        return delivery
    }

    /// Waits until a job is ready, and takes that job and other ready jobs in one call to the server.
    ///
    /// While no job is ready, one task waits on a separate connection, and the other tasks wait for that task.
    ///
    /// - Throws: `QueueShutDown` if this object is shut down and every job has ended; ``RedisError`` if the server
    ///   rejects the command; connection errors if ``patience`` has run out; `CancellationError` if the task is
    ///   cancelled. In that case, no job is lost.
    public func receive(atMost limit: Int) async throws -> [Delivery<Job>] {
        guard limit >= 1 else { throw ValueError("limit must be at least 1, got \(limit)") }
        return try await turn.withLock {
            while true {
                if isOver { throw QueueShutDown() }
                if mayHaveUnknownDeliveries { try await recover() }
                let answer = try await take(limit)
                let deliveries = try await deliveries(in: answer)
                if !deliveries.isEmpty { return deliveries }
                if mayHaveUnknownDeliveries { continue }
                if isShutDown, try answer[2].integer == 1 { throw QueueShutDown() }
                try await wait(milliseconds: answer[0].integer, isLimited: answer[1].integer == 1)
            }
        }
    }

    private func take(_ count: Int) async throws -> [RedisValue] {
        let rate = policy.rate.map { max(1, ($0.period / $0.count / .microseconds(1)).rounded(.up)) } ?? 0
        let arguments: [any RedisArgument] = [
            count, consumer, policy.visibility.milliseconds, policy.maxDeliveries, Int(min(rate, 1e15)),
            policy.rate?.burst ?? 1, policy.maxLength,
        ]
        return try await call(
            QueueScripts.take, arguments, onUncertainty: { mayHaveUnknownDeliveries = true },
            // The closure has no capture list, because a capture list would make it concurrent.
            ifCancelled: { answer in
                for delivery in try await self.deliveries(in: answer.array) { try await delivery.handBack() }
            }
        ).array
    }

    /// Hands back the jobs that the server assigned to this object in a lost reply.
    private func recover() async throws {
        let arguments: [any RedisArgument] = [consumer] + known.keys.map { $0 as any RedisArgument }
        _ = try await call(QueueScripts.recover, arguments)
        mayHaveUnknownDeliveries = false
    }

    /// Waits until a job may be ready.
    private func wait(milliseconds: Int, isLimited: Bool) async throws {
        // After this object has been shut down, another worker may finish the last job. The server does not report
        // this.
        let longest: Duration = isShutDown ? .milliseconds(200) : .seconds(5)
        let limit = milliseconds > 0 ? min(.milliseconds(milliseconds), longest) : longest
        let waiting = createTask(name: "RedisQueue.receive()") {
            if isLimited { try await sleep(limit) } else { try await self.waitForToken("wake", atMost: limit) }
        }
        pausing = waiting
        defer { pausing = nil }
        do { try await waiting.value } catch {
            // This task may have taken the only token.
            if !isLimited {
                _ = try? await withCleanup(timeout: .seconds(5)) { try await call(QueueScripts.nudge, []) }
            }
            // Shutting down ends the wait, but not the task.
            guard isShutDown, waiting.wasCancelled, currentTask()?.cancelling == 0 else { throw error }
        }
    }

    // MARK: Deliveries

    private func deliveries(in answer: [RedisValue]) async throws -> [Delivery<Job>] {
        var deliveries: [Delivery<Job>] = []
        for value in try answer[3].array {
            let fields = try value.array
            let (id, attempt, token) = (try fields[0].string, try fields[2].integer, try fields[3].integer)
            known[id] = token
            do {
                let job = try coding.decode(Job.self, from: fields[1].bytes)
                let headers = try fields[4].bytes
                let context: [String: String] =
                    headers.isEmpty ? [:] : try JSONJobCoding().decode([String: String].self, from: headers)
                deliveries.append(
                    Delivery(
                        job: job, id: id, attempt: attempt, fencingToken: token, context: context
                    ) { action in try await self.settle(id, token, attempt, action) })
            } catch {
                // Another attempt would fail in the same way.
                let failure = JobFailure("the job cannot be decoded: \(error)", isFinal: true)
                try? await settle(id, token, attempt, .reject(failure))
            }
        }
        return deliveries
    }

    private func settle(_ id: String, _ token: Int, _ attempt: Int, _ action: DeliveryAction) async throws {
        var arguments: [any RedisArgument] = [id, token]
        switch action {
        case .acknowledge(let value?): arguments += ["done", "1", try coding.encode(value)]
        case .acknowledge(nil): arguments += ["done", "0", ""]
        case .reject(let failure):
            let delay = failure.retryDelay ?? policy.backoff.delay(afterFailure: attempt, using: &generator)
            arguments += ["failed", failure.message, failure.isFinal ? "1" : "0", max(0, delay.milliseconds)]
            arguments += [policy.maxDeliveries]
        case .handBack: arguments += ["back"]
        case .progress(let fraction): arguments += ["progress", "\(fraction)"]
        }
        let isSettled = try await call(QueueScripts.settle, arguments).integer == 1
        var isProgress: Bool { if case .progress = action { true } else { false } }
        if known[id] == token, !isSettled || !isProgress { known[id] = nil }
        if !isSettled { throw DeliveryLost(id: id) }
    }

    /// Extends the time within which these deliveries can be settled, in one call to the server.
    ///
    /// - Throws: ``RedisError`` if the server rejects the command; connection errors if ``patience`` has run out;
    ///   `CancellationError` if the task is cancelled.
    public func renew(_ deliveries: [Delivery<Job>]) async throws -> [DeliveryRenewal] {
        if deliveries.isEmpty { return [] }
        var arguments: [any RedisArgument] = [policy.visibility.milliseconds, consumer]
        for delivery in deliveries { arguments += [delivery.id, delivery.fencingToken] }
        let answers = try await call(QueueScripts.renew, arguments).array
        return try zip(deliveries, answers).map { delivery, answer in
            switch try answer.integer {
            case 1: return .renewed
            case -1: return .cancelled
            default:
                // Another worker has the job, so this object must not claim it any longer.
                if known[delivery.id] == delivery.fencingToken { known[delivery.id] = nil }
                return .lost
            }
        }
    }
}
