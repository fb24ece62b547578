import AsyncIO

extension Interpreter {
    /// The awaitables of a list of refs and coroutines: each name, and a closure that returns the
    /// awaitable. For a coroutine, the closure creates the task. Undefined refs are logged and left
    /// out.
    private func awaitables(_ items: [Item], _ who: Who) -> [(name: String, make: () -> any Awaitable)] {
        items.compactMap { item in
            switch item {
            case .ref(let name): ref(name, who).map { ref in (name, { ref }) }
            case .coroutine(let coroutine, let name): (name, { self.start(coroutine, as: name) })
            }
        }
    }

    private func label(_ operation: String, _ names: [String]) -> String {
        names.isEmpty ? operation : "\(operation) \(names.joined(separator: ","))"
    }

    // MARK: gather

    func gather(_ op: Op, _ who: Who) async throws {
        let awaitables = awaitables(op.items, who)
        try await awaiting(label("gather", awaitables.map(\.name)), who) {
            try await value(of: outer(of: awaitables.map { $0.make() }, op))
        }
    }

    func gatherStart(_ op: Op, _ who: Who) {
        let awaitables = awaitables(op.items, who)
        refs[op.text("as")] = outer(of: awaitables.map { $0.make() }, op)
        log(who, label("gather_start \(op.text("as"))", awaitables.map(\.name)))
    }

    private func outer(of children: [any Awaitable], _ op: Op) -> any Awaitable {
        op.flag("return_exceptions") == true ? gatherResultsFuture(children) : gatherFuture(children)
    }

    // MARK: wait

    func wait(_ op: Op, _ who: Who) async throws {
        let awaitables = awaitables(op.items, who).map { (name: $0.name, future: $0.make() as FutureBase) }
        let names = Names(awaitables)
        let timeout = op.optionalInt("timeout").map { Duration.milliseconds($0) }
        let show = { (ended: (done: [FutureBase], pending: [FutureBase])) in
            "done\(names.sorted(ended.done)) pending\(names.sorted(ended.pending))"
        }
        try await awaiting(label("wait", awaitables.map(\.name)), who, showing: show) {
            try await AsyncIO.wait(awaitables.map(\.future), timeout: timeout, returnWhen: returnWhen(op))
        }
    }

    private func returnWhen(_ op: Op) -> ReturnWhen {
        switch op.optionalText("return_when") {
        case "first": .firstCompleted
        case "exception": .firstException
        default: .allCompleted
        }
    }

    /// The names of futures. If a future has several names, the first.
    private struct Names {
        private var names: [ObjectIdentifier: String] = [:]

        init(_ awaitables: [(name: String, future: FutureBase)]) {
            for (name, future) in awaitables where names[ObjectIdentifier(future)] == nil {
                names[ObjectIdentifier(future)] = name
            }
        }

        var count: Int { names.count }

        subscript(future: FutureBase) -> String { names[ObjectIdentifier(future)] ?? "?" }

        func sorted(_ futures: [FutureBase]) -> String {
            "[\(futures.map { self[$0] }.sorted().joined(separator: ","))]"
        }
    }

    // MARK: wait_for, shield

    func waitFor(_ op: Op, _ who: Who) async throws {
        let milliseconds = op.optionalInt("timeout")
        let timeout = milliseconds.map { Duration.milliseconds($0) }
        switch op.item {
        case .ref(let name):
            guard let ref = ref(name, who) else { return }
            try await awaiting("wait_for \(name) \(milliseconds.text)", who) {
                try await value(of: ref, within: timeout)
            }
        case .coroutine(let coroutine, let name):
            try await awaiting("wait_for \(name) \(milliseconds.text)", who) {
                if scenario.isEager, let timeout, timeout <= .zero {
                    // Here asyncio creates a task after all, and the factory starts it.
                    return try await value(of: start(coroutine, as: name), within: timeout)
                }
                return try await AsyncIO.waitFor(timeout: timeout) { try await run(coroutine, as: name) }
            }
        }
    }

    private func value<A: Awaitable>(of awaitable: A, within timeout: Duration?) async throws -> Value {
        Value(erased: try await AsyncIO.waitFor(awaitable, timeout: timeout))
    }

    func shield(_ op: Op, _ who: Who) async throws {
        guard let (name, make) = awaitables([op.item], who).first else { return }
        try await awaiting("shield \(name)", who) { try await shieldedValue(of: make()) }
    }

    private func shieldedValue<A: Awaitable>(of awaitable: A) async throws -> Value {
        Value(erased: try await AsyncIO.shield(awaitable))
    }

    func shieldStart(_ op: Op, _ who: Who) {
        guard let ref = ref(op.text("ref"), who) else { return }
        refs[op.text("as")] = shielded(ref)
        log(who, "shield_start \(op.text("as")) \(op.text("ref"))")
    }

    /// In asyncio, the shield of something that has ended is that object itself.
    private func shielded<A: Awaitable>(_ awaitable: A) -> any Awaitable {
        awaitable.isDone ? awaitable : shieldFuture(awaitable)
    }

    // MARK: as_completed

    func asCompleted(_ op: Op, _ who: Who) async throws {
        let awaitables = awaitables(op.items, who)
        try await awaiting(label("as_completed", awaitables.map(\.name)), who) {
            .int(try await iterate(awaitables.map { (name: $0.name, future: $0.make() as FutureBase) }, op, who))
        }
    }

    /// Takes steps until nothing is left or the scenario wants no more, and returns their number.
    private func iterate(_ awaitables: [(name: String, future: FutureBase)], _ op: Op, _ who: Who) async throws -> Int {
        let names = Names(awaitables)
        let isPlain = op.optionalText("mode") ?? "plain" == "plain"
        let limit = op.optionalInt("max") ?? .max
        if isPlain, limit <= 0 { return 0 }
        let sequence = AsyncIO.asCompleted(
            awaitables.map(\.future), timeout: op.optionalInt("timeout").map { .milliseconds($0) })
        var count = 0
        while count < limit {
            if isPlain, count == names.count { break }
            var isOver = false
            do {
                try await awaiting("next", who, showing: { $0 }) {
                    guard let next = try await sequence.next() else {
                        isOver = true
                        return "stop"
                    }
                    return isPlain ? try resultText(next) : names[next]
                }
            } catch {
                // With `continue`, an error counts as a step.
                if op.flag("continue") != true || error is CancellationError { throw error }
            }
            if isOver { break }
            count += 1
        }
        return count
    }

    private func resultText(_ ended: FutureBase) throws -> String {
        guard let ended = ended as? any Awaitable else { malformed("\(ended) cannot be awaited") }
        return Value(erased: try ended.result()).text
    }
}
