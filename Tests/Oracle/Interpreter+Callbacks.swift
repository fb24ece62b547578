import AsyncIO

extension Interpreter {
    /// Performs the steps of a callback. An error ends the steps, and nothing else.
    private func performCallback(_ steps: [Op], _ who: Who) {
        do {
            for op in steps { try performPlain(op, who) }
        } catch is CancellationError {
            // In Python this is not an `Exception`. The loop's handler gets it.
        } catch {
            log(who, "unhandled \(errorText(error))")
        }
    }

    // MARK: Done callbacks

    func addDoneCallback(_ op: Op, _ who: Who) {
        let (name, refName) = (op.text("as"), op.text("ref"))
        guard let ref = ref(refName, who) else { return }
        let callback = Who(name: "@\(name)", isTask: false)
        callbacks[CallbackKey(ref: refName, name: name)] = ref.addDoneCallback { ended in
            self.log(callback, "done \(refName) \(try self.ending(of: ended))")
            self.performCallback(op.body(), callback)
        }
        log(who, "add_done_callback \(refName) \(name)")
    }

    private func ending(of ended: any Awaitable) throws -> String {
        if ended.wasCancelled { return "! CancelledError" }
        if let error = try ended.error() { return "! \(errorText(error))" }
        return "= \(Value(erased: try ended.result()).text)"
    }

    func removeDoneCallback(_ op: Op, _ who: Who) throws {
        let (name, refName) = (op.text("as"), op.text("ref"))
        guard let ref = ref(refName, who) else { return }
        try plain("remove_done_callback \(refName) \(name)", who) {
            let callback = callbacks[CallbackKey(ref: refName, name: name)]
            return "\(callback.map { ref.removeDoneCallback($0) } ?? 0)"
        }
    }

    // MARK: The loop's callbacks

    private func callback(_ op: Op) -> () -> Void {
        let who = Who(name: "@\(op.text("as"))", isTask: false)
        return {
            self.log(who, "run")
            self.performCallback(op.body(), who)
        }
    }

    func callSoon(_ op: Op, _ who: Who) throws {
        log(who, "call_soon \(op.text("as"))")
        handles[op.text("as")] = try loop.callSoon(callback(op))
    }

    func callLater(_ op: Op, _ who: Who) throws {
        log(who, "call_later \(op.text("as")) \(op.int("ms"))")
        handles[op.text("as")] = try loop.callLater(.milliseconds(op.int("ms")), callback(op))
    }

    func callAt(_ op: Op, _ who: Who) throws {
        log(who, "call_at \(op.text("as")) \(op.int("at"))")
        handles[op.text("as")] = try loop.callAt(instant(op.int("at")), callback(op))
    }

    func cancelHandle(_ op: Op, _ who: Who) throws {
        guard let handle = handle(op, who) else { return }
        try plainOK("cancel_handle \(op.text("ref"))", who) { handle.cancel() }
    }

    func handleCancelled(_ op: Op, _ who: Who) throws {
        guard let handle = handle(op, who) else { return }
        try plain("handle_cancelled \(op.text("ref"))", who) { "\(handle.isCancelled)" }
    }

    private func handle(_ op: Op, _ who: Who) -> Handle? {
        let handle = handles[op.text("ref")]
        if handle == nil { log(who, "noref \(op.text("ref"))") }
        return handle
    }
}
