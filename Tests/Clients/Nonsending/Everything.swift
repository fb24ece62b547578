// What a program does with the library, in plain functions. The same file is compiled in modules of
// every kind; see the targets named ...Client in Package.swift.

import AsyncIO

/// Not Sendable, so that the compiler checks where it is used.
nonisolated final class Ledger {
    var lines: [String] = []
    var sum = 0

    var calls = 0

    func note(_ line: String) { lines.append(line) }

    func count(_ number: Int) -> Int {
        calls += 1
        return number
    }
}

nonisolated struct ClientError: Error {}

/// Tasks that capture and return non-Sendable values.
public func tasks() async throws -> [String] {
    let ledger = Ledger()
    let task = createTask(name: "worker") {
        ledger.note("task")
        try await sleep(.seconds(1))
        ledger.sum += 1
        return ledger
    }
    let eager = createTask(eager: true) { ledger.note("eager") }
    ledger.note("creator")
    try await eager.value
    ledger.note("\(try await task.value.sum)")
    let cancelled = createTask { try await sleep(.seconds(100)) }
    try await sleep(.zero)
    cancelled.cancel()
    do { try await cancelled.value } catch is CancellationError { ledger.note("cancelled") }
    let future = Future<Ledger>()
    try EventLoop.running.callLater(.seconds(1)) { try future.setResult(Ledger()) }
    ledger.note("\(try await future.value.lines.count)")
    return ledger.lines
}

/// Several tasks at once: tuples, arrays of tasks, and one body for many items.
public func combining() async throws -> [String] {
    let ledger = Ledger()
    let (number, text) = try await gather(
        {
            ledger.sum += 1
            try await sleep(.seconds(1))
            return ledger.sum
        },
        {
            ledger.sum += 1
            return "text"
        })
    ledger.note("\(number) \(text)")
    let tasks = (0..<3).map { number in createTask { number } }
    ledger.note("\(try await gather(tasks))")
    let (first, second) = try await gather(tasks[0], createTask { "second" })
    ledger.note("\(first) \(second)")
    ledger.note("\(try await gather(0..<3) { try await later(ledger.count($0)) })")
    ledger.note("\(try await gatherResults(0..<3) { try await later(ledger.count($0)) }.count)")
    ledger.note("\(try await race(0..<3) { try await later(ledger.count($0)) })")
    ledger.note("\(try await race({ ledger.sum }, { try await later(ledger.count(0)) }))")
    ledger.note("\(try await staggeredRace(0..<3, delay: nil) { try await later(ledger.count($0)) }.index ?? -1)")
    var ended: [Int] = []
    for try await task in asCompleted(0..<3, { try await later(ledger.count($0)) }) {
        ended.append(try await task.value)
    }
    ledger.note("\(ended)")
    // A list of closures is a list of items like any other.
    var bodies: [() async throws -> Int] = []
    for number in 0..<3 {
        bodies.append { try await later(ledger.count(number)) }
    }
    ledger.note("\(try await gather(bodies) { body in try await body() })")
    let (done, pending) = try await wait(tasks, timeout: .seconds(1))
    ledger.note("\(done.count) \(pending.count)")
    ledger.note("\(try await shield { ledger.sum })")
    ledger.note("\(try await shield(tasks[2]))")
    return ledger.lines
}

private func later(_ number: Int) async throws -> Int {
    try await sleep(.seconds(3 - number))
    return number
}

/// Bodies with a time limit that change variables of their function.
public func limiting() async throws -> [String] {
    let ledger = Ledger()
    var local = 0
    let value = try await withTimeout(.seconds(1)) {
        local += 1
        try await sleep(.milliseconds(1))
        local += 1
        ledger.note("in time")
        return ledger
    }
    ledger.note("\(local) \(value.lines.count)")
    var array = [0]
    try await fill(&array)
    ledger.note("\(array)")
    do {
        try await withTimeout(.seconds(1)) { timeout in
            ledger.note("expired: \(timeout.isExpired)")
            try await Task.sleep(for: .seconds(10))
        }
    } catch is TimeoutError {
        ledger.note("too late")
    }
    do {
        try await waitFor(timeout: .seconds(1)) {
            ledger.sum += 1
            try await sleep(.seconds(10))
        }
    } catch is TimeoutError {
        ledger.note("too late again")
    }
    ledger.note("\(try await waitFor(createTask { ledger.sum }, timeout: .seconds(1)))")
    return ledger.lines
}

private func fill(_ array: inout [Int]) async throws {
    try await withTimeout(.seconds(1)) {
        array.append(1)
        try await sleep(.milliseconds(1))
        array.append(2)
    }
}

/// The tasks of a group and its body share a non-Sendable object.
public func grouping() async throws -> [String] {
    let ledger = Ledger()
    var local = 0
    let result = try await withAsyncTaskGroup { group in
        for number in 1...3 {
            try group.createTask {
                try await sleep(.seconds(number))
                ledger.note("child \(number)")
            }
        }
        local += 1
        return ledger
    }
    ledger.note("\(local) \(result.lines.count)")
    do {
        try await withAsyncTaskGroup { group in
            try group.createTask { throw ClientError() }
            try await sleep(.seconds(1))
        }
    } catch let error as ExceptionGroup {
        ledger.note("\(error.errors.count) error")
    }
    return ledger.lines
}

/// The primitives, and closures that run while one is held.
public func synchronizing() async throws -> [String] {
    let ledger = Ledger()
    let lock = Lock()
    let semaphore = Semaphore(2)
    let condition = Condition()
    let event = Event()
    let barrier = Barrier(2)
    var local = 0
    let value = try await lock.withLock {
        local += 1
        try await sleep(.zero)
        return ledger
    }
    value.note("\(local)")
    try await semaphore.withLock { ledger.note("semaphore") }
    let waiting = createTask {
        try await condition.withLock {
            try await condition.wait { ledger.sum > 0 }
            ledger.note("condition")
        }
        try await event.wait()
        ledger.note("event")
        return try await barrier.wait()
    }
    try await sleep(.zero)
    try await condition.withLock {
        ledger.sum = 1
        try condition.notifyAll()
    }
    event.set()
    let place = try await barrier.wait()
    ledger.note("\(place + (try await waiting.value))")
    return ledger.lines
}

/// A non-Sendable object is passed through a queue.
public func queueing() async throws -> [String] {
    let queue = Queue<Ledger>(maxSize: 1)
    let producer = createTask {
        for number in 0..<3 {
            let ledger = Ledger()
            ledger.sum = number
            try await queue.put(ledger)
        }
        try await queue.join()
        queue.shutdown()
    }
    var lines: [String] = []
    for try await ledger in queue {
        lines.append("\(ledger.sum)")
        try queue.taskDone()
    }
    try await producer.value
    let priorities = PriorityQueue<Int>()
    for number in [2, 3, 1] { try priorities.putNoWait(number) }
    lines.append("\(try await priorities.get())")
    return lines
}

/// Work on a thread, and its result.
public func threading() async throws -> [String] {
    let ledger = Ledger()
    let numbers = [1, 2, 3]
    let result = try await toThread {
        let ledger = Ledger()
        ledger.sum = numbers.reduce(0, +)
        return ledger
    }
    ledger.note("\(result.sum)")
    return ledger.lines
}

/// A generator that retains a non-Sendable object.
public func generating() async throws -> [String] {
    let ledger = Ledger()
    let numbers = AsyncGenerator<Ledger> { yield in
        for number in 1...3 {
            ledger.sum = number
            try await yield(ledger)
            try await sleep(.seconds(1))
        }
    }
    var lines: [String] = []
    for try await ledger in numbers { lines.append("\(ledger.sum)") }
    return lines
}

/// The tasks of an actor work on its state.
public actor Account {
    private let lock = Lock()
    private let ledger = Ledger()
    private var balance = 0

    public init() {}

    public func use() async throws -> [String] {
        let task = createTask {
            try await sleep(.zero)
            self.balance += 1
        }
        try await task.value
        try await withTimeout(.seconds(1)) {
            balance += 1
            try await lock.withLock { balance += 1 }
        }
        try await withAsyncTaskGroup { group in
            try group.createTask { self.balance += 1 }
        }
        let (one, _) = try await gather(
            {
                self.balance += 1
                return self.ledger
            }, { try await sleep(.zero) })
        one.note("\(balance)")
        return ledger.lines
    }
}

/// The same for objects of the main actor.
@MainActor public final class Window {
    private let ledger = Ledger()

    public init() {}

    public func use() async throws -> [String] {
        try await createTask {
            try await sleep(.zero)
            self.ledger.note("task")
        }.value
        try await withTimeout(.seconds(1)) {
            ledger.note("timeout")
            try await sleep(.zero)
        }
        try await withAsyncTaskGroup { group in
            try group.createTask { self.ledger.note("group") }
        }
        let generator = AsyncGenerator<Int> { yield in
            self.ledger.note("generator")
            try await yield(1)
        }
        for try await _ in generator {}
        return ledger.lines
    }
}
