import AsyncIO

extension Interpreter {
    func sleep(_ op: Op, _ who: Who) async throws {
        let milliseconds = op.int("ms")
        let value = op.value("value")
        try await awaiting("sleep \(milliseconds)", who, done: value.textOrOK) {
            try await AsyncIO.sleep(.milliseconds(milliseconds))
        }
    }

    func spawn(_ op: Op, _ who: Who) {
        let name = op.text("as")
        let task = start(op.text("coro"), as: name, eager: op.flag("eager_start"))
        task.name = name
        refs[name] = task
        log(who, "spawn \(name)")
    }

    func awaitRef(_ op: Op, _ who: Who) async throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try await awaiting("await \(op.text("ref"))", who) { try await value(of: ref) }
    }

    /// The value of an awaitable of unknown type.
    func value<A: Awaitable>(of awaitable: A) async throws -> Value {
        Value(erased: try await awaitable.value)
    }

    // MARK: Cancelling

    func cancel(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("cancel \(op.text("ref"))", who) { "\(ref.cancel(op.optionalText("msg")))" }
    }

    func uncancel(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("uncancel \(op.text("ref"))", who) { "\(try task(ref).uncancel())" }
    }

    func cancelling(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("cancelling \(op.text("ref"))", who) { "\(try task(ref).cancelling)" }
    }

    /// Futures lack the members of tasks.
    private func task(_ ref: any Awaitable) throws -> AnyAsyncTask {
        guard let task = ref as? AnyAsyncTask else { throw PythonError(kind: "AttributeError") }
        return task
    }

    // MARK: Inspecting

    func query(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("query \(op.text("ref"))", who) {
            if !ref.isDone { return "pending" }
            if ref.wasCancelled { return "cancelled" }
            if let error = try ref.error() { return "error \(errorText(error))" }
            return "result \(Value(erased: try ref.result()).text)"
        }
    }

    func result(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("result \(op.text("ref"))", who) { Value(erased: try ref.result()).text }
    }

    func exception(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plain("exception \(op.text("ref"))", who) { try ref.error().map { Value.error($0).text } ?? "null" }
    }

    func current(_ who: Who) { log(who, "current = \(currentTask().map(shownName) ?? "null")") }

    func everyTask(_ who: Who) {
        log(who, "all_tasks = [\(allTasks().map(shownName).sorted().joined(separator: ","))]")
    }

    /// Tasks with a name from the library were created by a combinator and have not started. Names
    /// in scenarios contain no dash.
    private func shownName(_ task: AnyAsyncTask) -> String { task.name.contains("-") ? "?" : task.name }

    // MARK: Setting

    func setResult(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plainOK("set_result \(op.text("ref"))", who) { try future(ref).setResult(op.value("value")) }
    }

    func setException(_ op: Op, _ who: Who) throws {
        guard let ref = ref(op.text("ref"), who) else { return }
        try plainOK("set_exception \(op.text("ref"))", who) {
            try future(ref).setError(makeError(op.text("error")))
        }
    }

    /// A task ends only with its body.
    private func future(_ ref: any Awaitable) throws -> Future<Value> {
        guard let future = ref as? Future<Value> else { throw RuntimeError("not a future") }
        return future
    }

    // MARK: Objects

    func new(_ op: Op, _ who: Who) throws {
        try plainOK("new \(op.text("type")) \(op.text("as"))", who) { try make(op.text("as"), op) }
    }

    func make(_ name: String, _ spec: Op) throws {
        switch spec.text("type") {
        case "Future": refs[name] = Future<Value>()
        case "Lock": objects[name] = Lock()
        case "Event": objects[name] = Event()
        case "Condition": objects[name] = try makeCondition(spec)
        case "Semaphore": objects[name] = try Semaphore(validating: spec.optionalInt("value") ?? 1)
        case "BoundedSemaphore": objects[name] = try BoundedSemaphore(validating: spec.optionalInt("value") ?? 1)
        case "Barrier": objects[name] = try Barrier(validating: spec.int("parties"))
        case "Queue": objects[name] = Queue<Value>(maxSize: spec.optionalInt("maxsize") ?? 0)
        case "LifoQueue": objects[name] = LIFOQueue<Value>(maxSize: spec.optionalInt("maxsize") ?? 0)
        case "PriorityQueue": objects[name] = PriorityQueue<Value>(maxSize: spec.optionalInt("maxsize") ?? 0)
        case let type: malformed("unknown type \(type)")
        }
    }

    private func makeCondition(_ spec: Op) throws -> Condition {
        guard let name = spec.optionalText("lock") else { return Condition() }
        guard let lock = objects[name] as? Lock else { malformed("no lock \(name)") }
        return Condition(lock: lock)
    }
}
