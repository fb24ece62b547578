import AsyncIO

/// An actor of a loop. Bodies on another loop call it, and continue on their own loop.
private actor Neighbor {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }

    init(on io: EventLoopThread) { self.io = io }

    func answer() async throws { try await sleep(.milliseconds(1)) }

    func fail() async throws {
        try await sleep(.milliseconds(1))
        throw Failure()
    }
}

private struct Failure: Error {}

/// Each function that takes a body continues on the loop that called it, whether the body calls an actor of
/// another loop and returns, or fails there.
///
/// The release build matters most here: Swift 6.3.1 omits hops between actors that it takes for superfluous.
func bodies() async throws {
    let (web, io) = (try EventLoopThread(name: "web"), try EventLoopThread(name: "shard"))
    let shard = Neighbor(on: io)
    try await web.run { web in
        try await values(shard, web)
        try await failures(shard, web)
    }
    try await callsAfterTheActor(shard, io)
    try await web.shutDown(within: .seconds(10))
    print("threads left", Threads.count(named: "shard") + Threads.count(named: "web"))
}

/// The calls of an `EventLoopThread`, in a function without isolation, after a call of the loop's actor.
@inline(never) private func callsAfterTheActor(_ shard: Neighbor, _ io: EventLoopThread) async throws {
    try await shard.answer()
    print("run", try await io.run { EventLoop.current === $0.loop })
    try await shard.answer()
    try await io.shutDown(within: .seconds(10))
    print("shutDown", io.isShutDown)
}

private func values(_ shard: Neighbor, _ web: isolated EventLoopThread) async throws {
    func check(_ what: String) { print(what, EventLoop.current === web.loop) }
    try await createTask { try await shard.answer() }.value
    check("createTask")
    try await gather([1, 2]) { _ in try await shard.answer() }
    check("gather")
    try await withAsyncTaskGroup { _ in try await shard.answer() }
    check("withAsyncTaskGroup")
    try await withTimeout(.seconds(60)) { _ in try await shard.answer() }
    check("withTimeout")
    try await Lock().withLock { try await shard.answer() }
    check("withLock")
    try await shield { try await shard.answer() }
    check("shield")
}

private func failures(_ shard: Neighbor, _ web: isolated EventLoopThread) async throws {
    func check(_ what: String, _ call: () async throws -> Void) async {
        do {
            try await call()
            print("\(what) did not fail", false)
        } catch {
            print("\(what) that fails", EventLoop.current === web.loop)
        }
    }
    await check("createTask") { try await createTask { try await shard.fail() }.value }
    await check("gather") { try await gather([1, 2]) { _ in try await shard.fail() } }
    await check("withAsyncTaskGroup") { try await withAsyncTaskGroup { _ in try await shard.fail() } }
    await check("withTimeout") { try await withTimeout(.seconds(60)) { _ in try await shard.fail() } }
    await check("withTimeout(.zero)") { try await withTimeout(.zero) { _ in try await shard.answer() } }
    let lock = Lock()
    await check("withLock") { try await lock.withLock { try await shard.fail() } }
    print("the lock is released", !lock.isLocked)
    await check("withLocks") { try await withLocks(Lock(), lock) { try await shard.fail() } }
    await check("retry") {
        try await retry(attempts: 2, backoff: Backoff(initial: .milliseconds(1))) { try await shard.fail() }
    }
    await check("waitFor") { try await waitFor(timeout: .seconds(60)) { try await shard.fail() } }
    await check("shield") { try await shield { try await shard.fail() } }
    await check("race") { try await race({ try await shard.fail() }, { try await shard.fail() }) }
    let cache = ExpiringCache<Int, Int>(lifetime: .seconds(60))
    await check("ExpiringCache") {
        _ = try await cache.value(for: 1) {
            try await shard.fail()
            return 1
        }
    }
    await check("AsyncGenerator") {
        let generator = AsyncGenerator<Int> { yield in
            try await yield(1)
            try await shard.fail()
        }
        for try await _ in generator {}
    }
    await check("concurrentMap") {
        for try await _ in concurrentMap([1, 2], limit: 1, { _ in try await shard.fail() }) {}
    }
}
