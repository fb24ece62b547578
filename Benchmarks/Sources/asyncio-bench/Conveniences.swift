import AsyncIO

/// Conveniences that are built from the primitives and used on hot paths.
enum Convenience: String {
    /// A connection of a pool is taken and returned; none is opened.
    case pool
    /// A permit of a rate limiter that has free permits.
    case limiter
    /// A call through a circuit breaker that is closed.
    case breaker
    /// A value of a cache.
    case cache
    /// A round trip, as in `pingpong`, but the item is received by a `select` over two queues and a time.
    case select
    /// An item that `for try await` takes out of a queue, in which a task puts it.
    case iteration
    /// An element that one task sends and another receives, through a memory object stream that holds 100.
    case objectStream = "object-stream"
    /// A value that one task sets and another sees.
    case latest
}

func convenience(_ what: Convenience, _ count: Int) async throws {
    switch what {
    case .pool:
        let pool = ConnectionPool(size: 4) {
            1
        } close: { _ in
        }
        try await pool.withConnection { _ in }
        let measure = Measure()
        for _ in 0..<count { try await pool.withConnection { _ in } }
        measure.report("pool", operations: count)
    case .limiter:
        let limiter = RateLimiter(1_000_000_000, per: .seconds(1))
        let measure = Measure()
        for _ in 0..<count { try await limiter.acquire() }
        measure.report("limiter", operations: count)
    case .breaker:
        let breaker = CircuitBreaker(failures: 5, recovery: .seconds(30))
        let measure = Measure()
        for _ in 0..<count { try await breaker.run {} }
        measure.report("breaker", operations: count)
    case .cache:
        let cache = ExpiringCache<Int, Int>(lifetime: .seconds(3_600))
        for key in 0..<100 { _ = try await cache.value(for: key) { key } }
        let measure = Measure()
        for index in 0..<count { _ = try await cache.value(for: index % 100) { index } }
        measure.report("cache", operations: count)
    case .select:
        let (there, back, quiet) = (Queue<Int>(maxSize: 1), Queue<Int>(maxSize: 1), Queue<Int>())
        let measure = Measure()
        try await gather(
            {
                for _ in 0..<count {
                    let item = try await select(
                        .get(from: quiet) { $0 }, .get(from: there) { $0 }, .after(.seconds(60)) { -1 })
                    try await back.put(item)
                }
            },
            {
                for item in 0..<count {
                    try await there.put(item)
                    guard try await back.get() == item else { throw RuntimeError("wrong item") }
                }
            })
        measure.report("select", operations: count)
    case .iteration:
        let queue = Queue<Int>(maxSize: 100)
        let measure = Measure()
        let sum = createTask {
            var sum = 0
            for try await item in queue { sum += item }
            return sum
        }
        for item in 0..<count { try await queue.put(item) }
        queue.shutdown()
        guard try await sum.value == count * (count - 1) / 2 else { throw RuntimeError("an item is missing") }
        measure.report("iteration", operations: count)
    case .objectStream:
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 100)
        let measure = Measure()
        let sum = createTask {
            var sum = 0
            for try await element in receiver { sum += element }
            return sum
        }
        for element in 0..<count { try await sender.send(element) }
        sender.close()
        guard try await sum.value == count * (count - 1) / 2 else { throw RuntimeError("an element is missing") }
        measure.report("object-stream", operations: count)
    case .latest:
        let subject = LatestValue(0)
        let measure = Measure()
        let last = createTask {
            var last = 0
            for try await value in subject.changes { last = value }
            return last
        }
        for value in 1...count {
            subject.value = value
            try await sleep(.zero)
        }
        subject.close()
        guard try await last.value == count else { throw RuntimeError("the last value is missing") }
        measure.report("latest", operations: count)
    }
}

/// One operation: an element that one of the subscribers receives.
func broadcast(subscribers: Int, total: Int) async throws {
    let channel = Broadcast<Int>(capacity: 16, lag: .fail)
    let subscriptions = (0..<subscribers).map { _ in channel.subscribe() }
    var received = 0
    let haveAll = Event()
    let tasks = subscriptions.map { subscription in
        createTask {
            var sum = 0
            while let element = try await subscription.next() {
                sum += element
                received += 1
                if received == subscribers { haveAll.set() }
            }
            return sum
        }
    }
    try await sleep(.zero)
    let count = total / subscribers
    let measure = Measure()
    for element in 0..<count {
        received = 0
        haveAll.clear()
        try await channel.send(element)
        try await haveAll.wait()
    }
    channel.close()
    for task in tasks {
        guard try await task.value == count * (count - 1) / 2 else { throw RuntimeError("an element is missing") }
    }
    measure.report("broadcast", operations: count * subscribers)
}

/// 64 KiB from one connection to another, by `copy` or by a loop, alongside the tasks that write and read them.
func copying(byHand: Bool, _ count: Int) async throws {
    let (near, far) = (try await connectedPair(), try await connectedPair())
    let (source, from) = (near.accepted.1, near.client.0)
    let (to, sink) = (far.accepted.1, far.client.0)
    let bytes = [UInt8](repeating: 1, count: 65_536)
    let measure = Measure()
    try await gather(
        {
            for _ in 0..<count { try await source.write(bytes) }
            try source.writeEOF()
        },
        {
            if byHand {
                while true {
                    let bytes = try await from.read(65_536)
                    if bytes.isEmpty { break }
                    try await to.write(bytes)
                }
            } else {
                try await copy(from: from, to: to)
            }
            try to.writeEOF()
        },
        {
            var left = count * bytes.count
            while left > 0 { left -= try await sink.read(65_536).count }
        })
    measure.report(byHand ? "copy-by-hand" : "copy", operations: count)
    near.end()
    far.end()
}

/// 64 KiB in each direction between two connections, alongside the tasks at the other ends of these.
func copyingBothWays(_ count: Int) async throws {
    let (near, far) = (try await connectedPair(), try await connectedPair())
    let bytes = [UInt8](repeating: 1, count: 65_536)
    func exchange(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        let sending = createTask {
            for _ in 0..<count { try await writer.write(bytes) }
            try writer.writeEOF()
        }
        while try await !reader.read(65_536).isEmpty {}
        try await sending.value
    }
    let measure = Measure()
    try await gather(
        { try await exchange(near.client.0, near.client.1) },
        { try await exchange(far.accepted.0, far.accepted.1) },
        {
            let counts = try await copyBothWays(near.accepted, far.client)
            guard counts == (count * bytes.count, count * bytes.count) else { throw RuntimeError("bytes are missing") }
        })
    measure.report("copy-both-ways", operations: count)
    near.end()
    far.end()
}

/// The streams of a connection.
private struct ConnectedPair {
    let client: (StreamReader, StreamWriter)
    let accepted: (StreamReader, StreamWriter)
    let server: Server

    func end() {
        client.1.abort()
        server.close()
        server.abortClients()
    }
}

private func connectedPair() async throws -> ConnectedPair {
    let accepted = Future<(StreamReader, StreamWriter)>()
    let isOver = Event()
    let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
        try accepted.setResult((reader, writer))
        try await isOver.wait()
    }
    let client = try await openConnection(host: "127.0.0.1", port: server.port)
    return ConnectedPair(client: client, accepted: try await accepted.value, server: server)
}
