// The code of Sources/AsyncIORedis/AsyncIORedis.docc/MoreThanOneMachine.md, and of the section in the README.

import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Testing

nonisolated struct Thumbnail: Codable, Sendable {
    var photo: String
}

nonisolated struct Invoice: Codable, Sendable {
    var number: Int
    var customer: String
}

private func resize(_ photo: String) async throws {}
private func send(_ invoice: Invoice) async throws {}

func run(_ queue: some JobQueue<Thumbnail>) async throws {
    try await work(on: queue, limit: 20) { delivery in
        try await resize(delivery.job.photo)
    }
}

func inOneProcess() async throws {
    let queue = LocalJobQueue<Thumbnail>("thumbnails")
    try await queue.put(Thumbnail(photo: "beach.jpg"))
    try await run(queue)
}

func onManyMachines() async throws {
    try await withRedis("redis://queue.example") { redis in
        let queue = try RedisQueue<Thumbnail>("thumbnails", on: redis)
        try await run(queue)
    }
}

func producer(_ queue: some JobQueue<Thumbnail>) async throws {
    try await queue.put(Thumbnail(photo: "beach.jpg"))
    let ticket = try await queue.put(
        Thumbnail(photo: "mountain.jpg"),
        options: JobOptions(delay: .seconds(60), priority: .low, uniqueKey: "mountain.jpg"))
    let status = try await queue.end(of: ticket.id)
    print(status.state)
}

func scheduled(_ queue: some JobQueue<String>) async throws {
    // On every machine: the identifier lets only one of them put the job.
    for try await date in try Schedule("0 2 * * *", zone: .utc).times {
        try await queue.put("backup", options: JobOptions(id: "backup-\(date.components.seconds)"))
    }
}

func billing(_ queue: some JobQueue<Invoice>) async throws {
    try await work(on: queue) { delivery in
        let invoice = delivery.job
        try await queue.once("invoice-\(invoice.number)") {
            try await send(invoice)
        }
    }
}

private func store(_ report: String, token: Int) async throws {}
private func runSchedule() async throws {}
private func callService() async throws {}
private func show(_ text: String) { print(text) }

// AsyncIORedisTests runs the same calls with a server.

func locking(_ redis: RedisClient) async throws {
    let reports = RedisLock(redis, "reports")
    try await reports.withLock { lease in
        try await store("the report", token: lease.fencingToken)
    }
}

func limiting(_ redis: RedisClient) async throws {
    let downloads = RedisSemaphore(redis, "downloads", limit: 10)
    try await downloads.withPlace { _ in
        try await resize("beach.jpg")
    }
}

func signaling(_ redis: RedisClient) async throws {
    let ready = RedisEvent(redis, "ready")
    try await ready.set() // on one machine
    try await ready.wait() // on the others
}

func leading(_ redis: RedisClient) async throws {
    let election = RedisElection(redis, "scheduler", name: "machine-7")
    try await election.lead { _ in
        try await runSchedule()
    }
}

func pacing(_ redis: RedisClient) async throws {
    let limiter = try RedisRateLimiter(redis, "api", rate: 100, per: .seconds(1))
    try await limiter.acquire()
    try await callService()
}

func broadcasting(_ redis: RedisClient) async throws {
    let prices = RedisBroadcast(redis, "prices", keeping: 10_000)
    let id = try await prices.send("EUR 1.08")
    for try await price in try await prices.subscribe(from: .oldest) {
        show(price.text)
    }
    print(id ?? "")
}

@Suite(.virtualTime) struct MoreThanOneMachine {
    @Test func anInvoiceIsTriedThreeTimes() async throws {
        let policy = JobPolicy(maxDeliveries: 3, backoff: Backoff(initial: .seconds(60)))
        let queue = LocalJobQueue<Invoice>(policy: policy)
        try await queue.put(Invoice(number: 17, customer: "Ada"))
        queue.shutdown()
        try await work(on: queue) { _ in throw JobFailure("the printer is out of paper") }
        let dead = try await queue.deadJobs()
        #expect(dead.map(\.error) == ["the printer is out of paper"])
    }

    @Test func theGuidesFunctionsWork() async throws {
        let invoices = LocalJobQueue<Invoice>()
        try await invoices.put(Invoice(number: 1, customer: "Ada"))
        invoices.shutdown()
        try await billing(invoices)
        #expect(try await invoices.counts().done == 1)

        let thumbnails = LocalJobQueue<Thumbnail>()
        let worker = createTask { try await run(thumbnails) }
        try await producer(thumbnails)
        worker.cancel()
        _ = try? await worker.value
        #expect(try await thumbnails.counts().done == 2)

        let backups = LocalJobQueue<String>()
        let schedules = (0..<2).map { _ in createTask { try await scheduled(backups) } }
        try await sleep(.seconds(3 * 86_400))
        for schedule in schedules { schedule.cancel() }
        #expect(try await backups.counts().waiting == 3)
    }
}
