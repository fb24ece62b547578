import AsyncIO

extension Interpreter {
    private func label(_ op: Op) -> String { "\(op.name) \(op.text("obj"))" }

    // MARK: Locks, conditions, semaphores

    func acquire(_ op: Op, _ who: Who) async throws {
        let object: any ScopedLocking = object(op)
        try await awaiting(label(op), who, done: "true") { try await object.acquire() }
    }

    func release(_ op: Op, _ who: Who) throws {
        let object: any ScopedLocking = object(op)
        try plainOK(label(op), who) { try object.release() }
    }

    func withAcquired(_ op: Op, _ who: Who) async throws -> Flow {
        let object: any ScopedLocking = object(op)
        return try await block(label(op), who) {
            // The result of the body is passed through, so that an error comes from the release.
            let result: Result<Flow, any Error> = try await object.withLock {
                self.log(who, "in \(self.label(op))")
                do { return .success(try await self.perform(op.body(), who)) } catch { return .failure(error) }
            }
            return try result.get()
        }
    }

    func locked(_ op: Op, _ who: Who) throws {
        try plain(label(op), who) {
            switch object(op, as: AnyObject.self) {
            case let lock as Lock: "\(lock.isLocked)"
            case let condition as Condition: "\(condition.isLocked)"
            case let semaphore as Semaphore: "\(semaphore.isLocked)"
            default: malformed("\(op.text("obj")) cannot be locked")
            }
        }
    }

    // MARK: Events

    func eventWait(_ op: Op, _ who: Who) async throws {
        let event: Event = object(op)
        try await awaiting(label(op), who, done: "true") { try await event.wait() }
    }

    func eventSet(_ op: Op, _ who: Who) throws {
        try plainOK(label(op), who) { object(op, as: Event.self).set() }
    }

    func eventClear(_ op: Op, _ who: Who) throws {
        try plainOK(label(op), who) { object(op, as: Event.self).clear() }
    }

    func eventIsSet(_ op: Op, _ who: Who) throws {
        try plain(label(op), who) { "\(object(op, as: Event.self).isSet)" }
    }

    // MARK: Conditions

    func conditionWait(_ op: Op, _ who: Who) async throws {
        let condition: Condition = object(op)
        try await awaiting(label(op), who, done: "true") { try await condition.wait() }
    }

    func conditionWaitFor(_ op: Op, _ who: Who) async throws {
        let condition: Condition = object(op)
        try await awaiting(label(op), who, done: "true") {
            try await condition.wait {
                let isTrue = variables[op.text("var"), default: 0] >= op.int("ge")
                log(who, "pred \(isTrue)")
                return isTrue
            }
        }
    }

    func notify(_ op: Op, _ who: Who) throws {
        let count = op.optionalInt("n") ?? 1
        try plainOK("\(label(op)) \(count)", who) { try object(op, as: Condition.self).notify(count) }
    }

    func notifyAll(_ op: Op, _ who: Who) throws {
        try plainOK(label(op), who) { try object(op, as: Condition.self).notifyAll() }
    }

    // MARK: Barriers

    func barrierWait(_ op: Op, _ who: Who) async throws {
        let barrier: Barrier = object(op)
        try await awaiting(label(op), who) { .int(try await barrier.wait()) }
    }

    func withBarrier(_ op: Op, _ who: Who) async throws -> Flow {
        let barrier: Barrier = object(op)
        return try await block(label(op), who) {
            try await barrier.with { index in
                self.log(who, "in \(self.label(op)) \(index)")
                return try await self.perform(op.body(), who)
            }
        }
    }

    func barrierReset(_ op: Op, _ who: Who) async throws {
        let barrier: Barrier = object(op)
        try await awaiting(label(op), who, done: "ok") { try await barrier.reset() }
    }

    func barrierAbort(_ op: Op, _ who: Who) async throws {
        let barrier: Barrier = object(op)
        try await awaiting(label(op), who, done: "ok") { try await barrier.abort() }
    }

    func barrierInfo(_ op: Op, _ who: Who) {
        let barrier: Barrier = object(op)
        log(who, "\(label(op)) = parties:\(barrier.parties) waiting:\(barrier.waiting) broken:\(barrier.isBroken)")
    }
}
