// A producer and a worker for tests that kill them:
//
//     jobs-program put URL QUEUE LEDGER FIRST COUNT
//     jobs-program work URL QUEUE LEDGER LIMIT VISIBILITY PAUSE
//     jobs-program fill URL QUEUE COUNT
//     jobs-program drain URL QUEUE LIMIT
//     jobs-program hold URL KEY KIND LEASE
//
// The job is a number. `fill` and `drain` are for measurements: they put jobs that do nothing, and run them until none is
// left. A producer writes `P number` into its ledger when a put has returned. A worker writes
// `S number attempt process time` when a handler begins, and `E` with the same when it ends. Each line is one system call,
// so it is whole even if the process is killed. Times are in milliseconds.
//
// `hold` holds a lock, a place, the leadership, or the work of a queue (`lock`, `place`, `leader`, `once`), and prints
// `HELD token`, `CANCELLED`, and `LOST key`. It waits for an event (`event`), and prints `WAITING` and `SET`.

import AsyncIO
import AsyncIORedis
import Glibc

struct Ledger {
    let file: Int32

    init(_ path: String) throws {
        file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        if file < 0 { throw RuntimeError("cannot open the ledger \(path)") }
    }

    func write(_ line: String) throws {
        var bytes = Array((line + "\n").utf8)
        if Glibc.write(file, &bytes, bytes.count) != bytes.count { throw RuntimeError("cannot write to the ledger") }
    }
}

func milliseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

func number(_ index: Int) throws -> Int {
    guard CommandLine.arguments.count > index, let number = Int(CommandLine.arguments[index]) else {
        throw ValueError("argument \(index) must be a number")
    }
    return number
}

func put(_ url: String, _ name: String, _ ledger: Ledger) async throws {
    let (first, count) = (try number(5), try number(6))
    try await withRedis(url) { redis in
        let queue = try RedisQueue<Int>(name, on: redis)
        for try await _ in concurrentMap(
            first..<first + count, limit: 100, ordered: false,
            { job in
                try await queue.put(job, options: JobOptions(id: "job-\(job)"))
                try ledger.write("P \(job)")
            })
        {}
    }
}

func work(_ url: String, _ name: String, _ ledger: Ledger) async throws {
    let (limit, visibility, pause) = (try number(5), try number(6), try number(7))
    try await withRedis(url) { redis in
        let policy = JobPolicy(visibility: .milliseconds(visibility), maxDeliveries: 100)
        let queue = try RedisQueue<Int>(name, on: redis, policy: policy)
        let worker = createTask {
            try await AsyncIO.work(on: queue, limit: limit, grace: .seconds(5)) { delivery in
                let rest = "\(delivery.job) \(delivery.attempt) \(getpid())"
                try ledger.write("S \(rest) \(milliseconds())")
                if pause > 0 { try await sleep(.milliseconds(Int.random(in: 0...2 * pause))) }
                try ledger.write("E \(rest) \(milliseconds())")
            }
        }
        let stop = try signals(.terminate)
        createTask {
            _ = try await stop.next()
            worker.cancel()
        }
        print("READY")
        fflush(nil)
        do { try await worker.value } catch is CancellationError {}
    }
}

func fill(_ url: String, _ name: String) async throws {
    let count = try number(4)
    try await withRedis(url) { redis in
        let queue = try RedisQueue<Int>(name, on: redis)
        for try await _ in concurrentMap(0..<count, limit: 100, ordered: false, { try await queue.put($0) }) {}
    }
}

func drain(_ url: String, _ name: String) async throws {
    let limit = try number(4)
    try await withRedis(url) { redis in
        let queue = try RedisQueue<Int>(name, on: redis)
        queue.shutdown()
        try await AsyncIO.work(on: queue, limit: limit) { _ in }
    }
}

func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Does nothing until it is cancelled.
func stay(_ token: Int) async throws {
    say("HELD \(token)")
    do { try await sleep(.seconds(86_400)) } catch {
        say("CANCELLED")
        throw error
    }
}

func hold(_ url: String, _ key: String, _ kind: String) async throws {
    let lease = Duration.milliseconds(try number(5))
    try await withRedis(url) { redis in
        do {
            switch kind {
            case "lock": try await RedisLock(redis, key, lease: lease).withLock { try await stay($0.fencingToken) }
            case "place":
                let semaphore = RedisSemaphore(redis, key, limit: 1, lease: lease)
                try await semaphore.withPlace { try await stay($0.fencingToken) }
            case "leader":
                let election = RedisElection(redis, key, name: "program", lease: lease)
                try await election.lead { try await stay($0.fencingToken) }
            case "once":
                let queue = try RedisQueue<Int>("test", on: redis)
                try await queue.once(key, keptFor: .seconds(60), lease: lease) { try await stay(0) }
            case "event":
                let waiting = createTask { try await RedisEvent(redis, key).wait() }
                say("WAITING")
                try await waiting.value
                say("SET")
            default: throw ValueError("unknown kind \(kind)")
            }
        } catch let error as RedisLeaseLostError {
            say("LOST \(error.key)")
        }
    }
}

AsyncIO.main {
    let arguments = CommandLine.arguments
    guard arguments.count >= 5 else { throw ValueError("see the comment in the source for the arguments") }
    let (url, name) = (arguments[2], arguments[3])
    switch arguments[1] {
    case "put": try await put(url, name, Ledger(arguments[4]))
    case "work": try await work(url, name, Ledger(arguments[4]))
    case "fill": try await fill(url, name)
    case "drain": try await drain(url, name)
    case "hold": try await hold(url, name, arguments[4])
    default: throw ValueError("unknown command \(arguments[1])")
    }
}
