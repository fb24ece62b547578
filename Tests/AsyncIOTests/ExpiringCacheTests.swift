import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ExpiringCacheTests {
    private final class Loads {
        private(set) var keys: [String] = []

        func load(_ key: String) async throws -> String {
            keys.append(key)
            try await sleep(.seconds(1))
            return "\(key)\(keys.count)"
        }
    }

    @Test func loadsAtTheSameTimeAreOne() async throws {
        let cache = ExpiringCache<String, String>(lifetime: .seconds(60))
        let loads = Loads()
        let values = try await gather(["a", "b", "a", "a"]) { key in
            try await cache.value(for: key) { try await loads.load(key) }
        }
        #expect(loads.keys == ["a", "b"])
        #expect(values[0] == values[2] && values[2] == values[3])
        let cost = try await turns { _ = try await cache.value(for: "a") { try await loads.load("a") } }
        #expect(cost == 0)
        #expect(cache.count == 2)
    }

    @Test func valuesExpire() async throws {
        let cache = ExpiringCache<String, String>(lifetime: .seconds(60))
        let loads = Loads()
        _ = try await cache.value(for: "a") { try await loads.load("a") }
        try await sleep(.seconds(59))
        #expect(cache["a"] == "a1")
        try await sleep(.seconds(1))
        #expect(cache["a"] == nil)
        #expect(cache.count == 0)
        #expect(try await cache.value(for: "a") { try await loads.load("a") } == "a2")
    }

    @Test func theOldestGoesWhenThereAreTooMany() throws {
        let cache = ExpiringCache<Int, Int>(lifetime: .seconds(60), limit: 2)
        for number in 1...3 { cache[number] = number }
        #expect(cache[1] == nil && cache[2] == 2 && cache[3] == 3)
        cache[2] = 22
        cache[4] = 4
        #expect(cache[3] == nil && cache[2] == 22 && cache[4] == 4)
        for number in 0..<1_000 { cache[2] = number }
        #expect(cache.count == 2 && cache[2] == 999)
    }

    @Test func aFailureIsNotKept() async throws {
        let cache = ExpiringCache<String, Int>(lifetime: .seconds(60))
        let tasks = (0..<2).map { _ in
            createTask {
                try await cache.value(for: "a") {
                    try await sleep(.seconds(1))
                    throw Boom()
                }
            }
        }
        for result in try await gatherResults(tasks) { #expect(throws: Boom.self) { try result.get() } }
        #expect(try await cache.value(for: "a") { 1 } == 1)
    }

    @Test func aLoadContinuesAsLongAsSomeoneWaits() async throws {
        let cache = ExpiringCache<String, Int>(lifetime: .seconds(60))
        var log: [String] = []
        func get() -> AsyncTask<Int> {
            createTask {
                try await cache.value(for: "a") {
                    do { try await sleep(.seconds(2)) } catch {
                        log.append("cancelled")
                        throw error
                    }
                    return 1
                }
            }
        }
        let (first, second) = (get(), get())
        try await sleep(.seconds(1))
        first.cancel()
        #expect(try await second.value == 1)
        cache.removeAll()
        let third = get()
        try await sleep(.seconds(1))
        third.cancel()
        await #expect(throws: CancellationError.self) { try await third.value }
        try await sleep(.zero)
        #expect(log == ["cancelled"])
        #expect(cache["a"] == nil)
    }

    @Test func aValueThatWasRemovedMeanwhileIsNotKept() async throws {
        let cache = ExpiringCache<String, Int>(lifetime: .seconds(60))
        let task = createTask {
            try await cache.value(for: "a") {
                try await sleep(.seconds(1))
                return 1
            }
        }
        try await sleep(.milliseconds(1))
        cache["a"] = nil
        #expect(try await task.value == 1)
        #expect(cache["a"] == nil)
    }

    @Test func withoutALifetimeOnlyLoadsAreShared() async throws {
        let cache = ExpiringCache<String, String>(lifetime: .zero)
        let loads = Loads()
        for _ in 0..<2 {
            _ = try await gather(0..<2) { _ in try await cache.value(for: "a") { try await loads.load("a") } }
        }
        #expect(loads.keys == ["a", "a"])
        #expect(cache.count == 0)
    }

    /// Loads values that can be recognized by their time, one at a time for each key.
    private final class Loader {
        private(set) var running: [String: Int] = [:]
        private(set) var loads = 0
        let loop: EventLoop

        init() throws { loop = try EventLoop.running }

        func load(_ key: String) async throws -> ContinuousClock.Instant {
            loads += 1
            running[key, default: 0] += 1
            #expect(running[key] == 1, "a key is loaded twice at a time")
            // A load that was cancelled may still be ending when the next one begins.
            var hasLeft = false
            func leave() {
                if !hasLeft { running[key, default: 0] -= 1 }
                hasLeft = true
            }
            defer { leave() }
            for _ in 0..<Int.random(in: 0...2) {
                do { try await sleep(.milliseconds(Int.random(in: 0...2))) } catch {
                    leave()
                    throw error
                }
            }
            if Int.random(in: 0...3) == 0 { throw Boom() }
            return loop.now
        }
    }

    @Test(.seeds(100)) func noScheduleLoadsAKeyTwiceAtATimeOrServesAnExpiredValue() async throws {
        let cache = ExpiringCache<String, ContinuousClock.Instant>(lifetime: .milliseconds(5), limit: 2)
        let loader = try Loader()
        var asked = 0
        try await gather(0..<12) { _ in
            for _ in 0..<6 {
                try await sleep(.milliseconds(Int.random(in: 0...3)))
                let key = ["a", "b", "c"].randomElement() ?? ""
                do {
                    let value = try await cache.value(for: key) { try await loader.load(key) }
                    #expect(loader.loop.now - value < .milliseconds(5))
                } catch is Boom {}
                asked += 1
                #expect(cache.count <= 2)
            }
        }
        #expect(asked == 72 && loader.loads < 72)
        #expect(loader.running.values.allSatisfy { $0 == 0 })
        try await sleep(.milliseconds(5))
        #expect(cache.count == 0)
    }

    @Test(.seeds(200)) func aCancellationInAnyTurnHarmsNoOtherTask() async throws {
        let cache = ExpiringCache<String, Int>(lifetime: .milliseconds(5))
        var (active, ended) = (0, 0)
        let tasks = (0..<8).map { _ in
            createTask {
                for _ in 0..<4 {
                    let value = try await cache.value(for: "a") {
                        active += 1
                        defer { active -= 1 }
                        for _ in 0..<Int.random(in: 0...3) { try await sleep(.milliseconds(Int.random(in: 0...2))) }
                        return 7
                    }
                    #expect(value == 7)
                    try await sleep(.milliseconds(Int.random(in: 0...8)))
                }
                ended += 1
            }
        }
        for task in tasks.prefix(5) {
            for _ in 0..<Int.random(in: 0...3) { try await sleep(.milliseconds(Int.random(in: 0...2))) }
            task.cancel()
        }
        for (number, result) in try await gatherResults(tasks).enumerated() where number >= 5 { try result.get() }
        try await settle()
        #expect(active == 0 && ended >= 3)
    }

    @Test func aLoadThatNoTaskWaitsForLeavesNothingBehind() async throws {
        final class Key: Hashable {
            static func == (left: Key, right: Key) -> Bool { left === right }
            func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
        }
        let cache = ExpiringCache<Key, Int>(lifetime: .seconds(60))
        weak var witness: Key?
        func askAndCancel() async throws {
            let key = Key()
            witness = key
            let task = createTask {
                try await cache.value(for: key) {
                    try await sleep(.seconds(60))
                    return 1
                }
            }
            try await sleep(.seconds(1))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        try await askAndCancel()
        try await settle()
        #expect(witness == nil)
    }

    @Test func aLoadCannotWaitForItself() async throws {
        let cache = ExpiringCache<Int, Int>(lifetime: .seconds(60))
        func value(for key: Int) async throws -> Int {
            try await cache.value(for: key) { key == 0 ? 1 : try await value(for: key > 5 ? 5 : key - 1) }
        }
        #expect(try await value(for: 3) == 1)
        #expect(cache.count == 4)
        await #expect(throws: RuntimeError.self) {
            try await cache.value(for: 9) { try await cache.value(for: 9) { 1 } }
        }
        #expect(cache[9] == nil)
    }

    @Test func aLoadCanChangeTheCache() async throws {
        let cache = ExpiringCache<Int, Int>(lifetime: .seconds(60))
        let value = try await cache.value(for: 1) {
            cache[1] = 2
            cache[2] = 3
            return 4
        }
        // What was set explicitly is not replaced.
        #expect(value == 4 && cache[1] == 2 && cache[2] == 3)
        _ = try await cache.value(for: 5) {
            cache.removeAll()
            return 6
        }
        #expect(cache.count == 0)
    }
}
