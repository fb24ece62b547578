import AsyncIO

// Timeouts and task groups.

extension Interpreter {
    func timeout(_ op: Op, _ who: Who) async throws -> Flow {
        let name = op.text("as")
        var entered: Timeout?
        // Without its type, the closure would leave the actor when it is called.
        let body: (Timeout) async throws -> Flow = { timeout in
            entered = timeout
            self.objects[name] = timeout
            return try await self.perform(op.body(), who)
        }
        let tail = { " expired:\(entered?.isExpired ?? false)" }
        return try await block("timeout \(name)", who, tail: tail) {
            if op.name == "timeout_at" {
                try await withTimeout(until: op.optionalInt("at").map(instant), body)
            } else {
                try await withTimeout(op.optionalInt("ms").map { .milliseconds($0) }, body)
            }
        }
    }

    func reschedule(_ op: Op, _ who: Who) throws {
        guard let timeout: Timeout = scope(op.text("ref"), who) else { return }
        let deadline = op.optionalInt("at")
        try plainOK("reschedule \(op.text("ref")) \(deadline.text)", who) {
            try timeout.reschedule(to: deadline.map(instant))
        }
    }

    func timeoutInfo(_ op: Op, _ who: Who) {
        guard let timeout: Timeout = scope(op.text("ref"), who) else { return }
        let when = timeout.when.map { milliseconds(epoch.duration(to: $0)) }
        log(who, "timeout_info \(op.text("ref")) = when:\(when.text) expired:\(timeout.isExpired)")
    }

    // MARK: Groups

    func taskGroup(_ op: Op, _ who: Who) async throws -> Flow {
        let group = AsyncTaskGroup()
        objects[op.text("as")] = group
        if op.flag("cancel_before_enter") == true { group.cancel() }
        return try await block("taskgroup \(op.text("as"))", who) {
            var flow = Flow.next
            try await withAsyncTaskGroup(group) { flow = try await perform(op.body(), who) }
            return flow
        }
    }

    func groupSpawn(_ op: Op, _ who: Who) throws {
        guard let group: AsyncTaskGroup = scope(op.text("tg"), who) else { return }
        let (name, coroutine) = (op.text("as"), op.text("coro"))
        try plainOK("tg_spawn \(op.text("tg")) \(name)", who) {
            refs[name] = try group.createTask(name: name, eager: op.flag("eager_start") ?? scenario.isEager) {
                try await self.run(coroutine, as: name)
            }
        }
    }

    func groupCancel(_ op: Op, _ who: Who) throws {
        guard let group: AsyncTaskGroup = scope(op.text("tg"), who) else { return }
        try plainOK("tg_cancel \(op.text("tg"))", who) { group.cancel() }
    }
}
