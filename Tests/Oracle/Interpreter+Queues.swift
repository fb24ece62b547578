import AsyncIO

extension Interpreter {
    private func queue(_ op: Op) -> Queue<Value> { object(op) }

    private func label(_ op: Op) -> String { "\(op.name) \(op.text("obj"))" }

    func put(_ op: Op, _ who: Who) async throws {
        let (queue, item) = (queue(op), op.value("value"))
        try await awaiting("\(label(op)) \(item.text)", who, done: "ok") { try await queue.put(item) }
    }

    func get(_ op: Op, _ who: Who) async throws {
        let queue = queue(op)
        try await awaiting(label(op), who) { try await queue.get() }
    }

    func join(_ op: Op, _ who: Who) async throws {
        let queue = queue(op)
        try await awaiting(label(op), who, done: "ok") { try await queue.join() }
    }

    func putNoWait(_ op: Op, _ who: Who) throws {
        let item = op.value("value")
        try plainOK("\(label(op)) \(item.text)", who) { try queue(op).putNoWait(item) }
    }

    func getNoWait(_ op: Op, _ who: Who) throws {
        try plain(label(op), who) { try queue(op).getNoWait().text }
    }

    func taskDone(_ op: Op, _ who: Who) throws {
        try plainOK(label(op), who) { try queue(op).taskDone() }
    }

    func shutdown(_ op: Op, _ who: Who) throws {
        let isImmediate = op.flag("immediate") ?? false
        try plainOK("\(label(op)) \(isImmediate ? "immediate" : "normal")", who) {
            queue(op).shutdown(immediate: isImmediate)
        }
    }

    func queueInfo(_ op: Op, _ who: Who) {
        let queue = queue(op)
        log(who, "\(label(op)) = size:\(queue.count) empty:\(queue.isEmpty) full:\(queue.isFull)")
    }
}
