import AsyncIO

extension Interpreter {
    func raise(_ op: Op, _ who: Who) throws {
        let error = makeError(op.text("error"))
        log(who, "raise \(errorText(error))")
        throw error
    }

    func setVariable(_ op: Op, _ who: Who) {
        let name = op.text("var")
        let value = op.name == "add_var" ? variables[name, default: 0] + op.int("n") : op.int("value")
        variables[name] = value
        log(who, "\(op.name) \(name) = \(value)")
    }

    func loop(_ op: Op, _ who: Who) async throws -> Flow {
        let body = op.body()
        for _ in 0..<max(0, op.int("n")) {
            let flow = try await perform(body, who)
            if flow.isReturn { return flow }
        }
        return .next
    }

    func call(_ op: Op, _ who: Who) async throws {
        let coroutine = op.text("coro")
        try await awaiting("call \(coroutine)", who) { try await perform(steps(of: coroutine), who).value }
    }

    // MARK: try

    func attempt(_ op: Op, _ who: Who) async throws -> Flow {
        let outcome: Result<Flow, any Error>
        do { outcome = .success(try await attemptWithoutFinally(op, who)) } catch { outcome = .failure(error) }
        if op.has("finally") {
            log(who, "finally")
            _ = try await perform(op.body("finally"), who)
        }
        return try outcome.get()
    }

    private func attemptWithoutFinally(_ op: Op, _ who: Who) async throws -> Flow {
        let flow: Flow
        do {
            flow = try await perform(op.body(), who)
        } catch {
            guard let handler = op.body("except").first(where: { matches($0.names("on"), error) }) else { throw error }
            return try await handle(error, with: handler, who)
        }
        return flow.isReturn ? flow : try await perform(op.body("else"), who)
    }

    private func handle(_ error: any Error, with handler: Op, _ who: Who) async throws -> Flow {
        var text = "caught \(errorText(error))"
        if handler.flag("msg") == true, error is CancellationError {
            text += " msg:\(currentTask()?.cancelMessage ?? "-")"
        }
        log(who, text)
        let flow = try await perform(handler.body(), who)
        if !flow.isReturn, handler.flag("reraise") == true { throw error }
        return flow
    }

    private func matches(_ names: [String], _ error: any Error) -> Bool {
        let kind = errorKind(error)
        return names.contains { $0 == "any" || $0 == kind || ($0 == "Exception" && kind != "CancelledError") }
    }
}
