import AsyncIO
import Glibc
import Synchronization

/// Threads, plain Swift tasks, and the tasks of a loop send numbered items through a mailbox, while receivers are
/// cancelled. The second argument of the program is the total number of items.
func mailbox() async throws {
    let total = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 20_000 : 20_000
    let perSender = max(1, total / senderCount)
    let io = try EventLoopThread(name: "receiver")
    let other = try EventLoopThread(name: "sender")

    // One receiver at a time: a cancelled one returns its item to the front, so the next one sees the same order.
    let mailbox = Mailbox<Item>(maxSize: 8)
    async let items = receiveOnLoop(mailbox, io)
    try await sendFromEverywhere(mailbox, other, perSender)
    let log = try await items
    print("one receiver:", summary(log, perSender))
    let bySender = Dictionary(grouping: log, by: \.sender)
    print("order", bySender.values.allSatisfy { $0.map(\.number) == Array(0..<perSender) })

    // Many receivers that compete for the items.
    let shared = Mailbox<Item>(maxSize: 8)
    let all = try await withThrowingTaskGroup(of: [Item].self) { group in
        for _ in 0..<3 {
            group.addTask { try await receiveOnLoop(shared, io) }
            group.addTask { try await receiveInTasks(shared) }
            group.addTask { try await onThread { receiveOnThread(shared) } }
        }
        group.addTask {
            try await sendFromEverywhere(shared, other, perSender)
            return []
        }
        return try await group.reduce(into: []) { $0 += $1 }
    }
    print("many receivers:", summary(all, perSender))
    try await io.shutDown()
    try await other.shutDown()
}

/// A thread puts each item when a plain Swift task is just about to wait for it, so that the task is often resumed before
/// it has suspended.
func handover() async throws {
    let total = 20_000
    let mailbox = Mailbox<Int>()
    let next = Next()
    async let sent: Void = onThread {
        for number in 0..<total {
            // Nothing here may order the threads. The task needs a moment to begin waiting.
            while next.number.load(ordering: .relaxed) < number {}
            for _ in 0..<number % 4_096 { _ = next.number.load(ordering: .relaxed) }
            try mailbox.putNoWait(number)
        }
    }
    let receiver = Task {
        var isInOrder = true
        for number in 0..<total {
            next.number.store(number, ordering: .relaxed)
            if try await mailbox.get() != number { isInOrder = false }
        }
        return isInOrder
    }
    print("handover", try await receiver.value)
    try await sent
}

/// The number of the item for which the receiver waits next.
private final class Next: Sendable {
    let number = Atomic(0)
}

private struct Item: Hashable {
    let sender: Int
    let number: Int
}

private func summary(_ items: [Item], _ perSender: Int) -> String {
    let lost = Set((0..<senderCount).flatMap { sender in (0..<perSender).map { Item(sender: sender, number: $0) } })
        .subtracting(items).count
    return "lost \(lost), doubled \(items.count - Set(items).count)"
}

// MARK: Senders

private let sendersOfEachKind = 4
private let senderCount = 3 * sendersOfEachKind

/// Returns when everything is sent. Then the mailbox is shut down.
private func sendFromEverywhere(_ mailbox: Mailbox<Item>, _ io: EventLoopThread, _ perSender: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for sender in 0..<sendersOfEachKind {
            group.addTask { try await onThread { try sendFromThread(mailbox, sender, perSender) } }
            group.addTask { try await sendFromTask(mailbox, sendersOfEachKind + sender, perSender) }
            group.addTask {
                try await io.run { _ in try await sendFromLoop(mailbox, 2 * sendersOfEachKind + sender, perSender) }
            }
        }
        try await group.waitForAll()
    }
    mailbox.shutdown()
}

/// Whether a sender gives up its first attempt to send the item. What it gives up must not arrive.
private func isGivenUp(_ number: Int) -> Bool { number % 16 == 7 }

private func sendFromThread(_ mailbox: Mailbox<Item>, _ sender: Int, _ count: Int) throws {
    for number in 0..<count {
        let item = Item(sender: sender, number: number)
        if isGivenUp(number) {
            do {
                try mailbox.putBlocking(item, timeout: .microseconds(20))
                continue
            } catch is TimeoutError {}
        }
        try mailbox.putBlocking(item)
    }
}

private func sendFromTask(_ mailbox: Mailbox<Item>, _ sender: Int, _ count: Int) async throws {
    for number in 0..<count {
        let item = Item(sender: sender, number: number)
        if isGivenUp(number) {
            let attempt = Task { try await mailbox.put(item) }
            await Task.yield()
            attempt.cancel()
            do {
                try await attempt.value
                continue
            } catch is CancellationError {}
        }
        try await mailbox.put(item)
    }
}

private func sendFromLoop(_ mailbox: Mailbox<Item>, _ sender: Int, _ count: Int) async throws {
    for number in 0..<count {
        let item = Item(sender: sender, number: number)
        if isGivenUp(number) {
            let attempt = createTask { try await mailbox.put(item) }
            try await sleep(.zero)
            attempt.cancel()
            do {
                try await attempt.value
                continue
            } catch is CancellationError {}
        }
        try await mailbox.put(item)
    }
}

// MARK: Receivers

/// Receives until the mailbox is shut down or the task is cancelled.
///
/// - Returns: What it received, and whether the mailbox was shut down.
private func receive(_ mailbox: Mailbox<Item>) async -> (items: [Item], isOver: Bool) {
    var items: [Item] = []
    do {
        while true { items.append(try await mailbox.get()) }
    } catch {
        return (items, error is QueueShutDown)
    }
}

/// Receives in one task after the other. All but the last one are cancelled.
private func receiveOnLoop(_ mailbox: Mailbox<Item>, _ io: EventLoopThread) async throws -> [Item] {
    try await io.run { _ in
        var items: [Item] = []
        var turns = 0
        while true {
            let receiver = createTask { await receive(mailbox) }
            for _ in 0...turns % 5 { try await sleep(.zero) }
            if turns % 2 == 0 { try await sleep(.microseconds(200)) }
            turns += 1
            receiver.cancel()
            let part = try await receiver.value
            items += part.items
            if part.isOver { return items }
        }
    }
}

private func receiveInTasks(_ mailbox: Mailbox<Item>) async throws -> [Item] {
    var items: [Item] = []
    while true {
        let receiver = Task { await receive(mailbox) }
        try await Task.sleep(for: .microseconds(200))
        receiver.cancel()
        let part = await receiver.value
        items += part.items
        if part.isOver { return items }
    }
}

private func receiveOnThread(_ mailbox: Mailbox<Item>) -> [Item] {
    var items: [Item] = []
    while true {
        do {
            items.append(try mailbox.getBlocking(timeout: .microseconds(20)))
        } catch is TimeoutError {
        } catch {
            return items
        }
    }
}

// MARK: Threads

private final class Job: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a thread of its own.
private func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        let job = Job { continuation.resume(with: Result { try body() }) }
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            {
                if let job = $0 { Unmanaged<Job>.fromOpaque(job).takeRetainedValue().run() }
                return nil
            }, Unmanaged.passRetained(job).toOpaque())
        guard error == 0 else { fatalError("cannot start a thread: \(error)") }
        pthread_detach(thread)
    }
}
