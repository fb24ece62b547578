import AsyncIO
import Foundation

@testable import AsyncIORedis

/// A server for simulations, which does what the scripts of a queue do. Its state survives the end of its host, like
/// that of a server with an append-only file that is written at once. Its clock is that of its host.
///
/// It has no order keys, maximum length, rate, and work that is done once, and answers with an error if a program asks
/// for them. `SimulatedQueueTests` checks it with the scenarios that the real server passes.
final class QueueModel {
    private final class Job {
        let id, data, context, nonce, uniqueKey: String
        let priority: Int
        var state = "waiting"
        var attempts = 0
        var fence = 0
        var handedBack: Int?
        var error, progress, result, worker: String?
        var isCancelled = false
        var isWatched = false
        /// When a job that has ended is forgotten.
        var end = Int.max

        init(id: String, data: String, priority: Int, uniqueKey: String, context: String, nonce: String) {
            (self.id, self.data, self.priority, self.context, self.nonce) = (id, data, priority, context, nonce)
            self.uniqueKey = uniqueKey
        }
    }

    private var jobs: [String: Job] = [:]
    /// The waiting jobs, by priority.
    private var lines: [[Job]] = [[], [], []]
    /// The jobs that are not due yet, and those that run, with their times.
    private var delayed: [(job: Job, time: Int)] = []
    private var running: [(job: Job, time: Int)] = []
    private var unique: [String: String] = [:]
    private var dead: [(job: Job, time: Int)] = []
    private var workers: [String: Int] = [:]
    /// The ends that were reported, and what wakes the readers.
    private var events: [String] = []
    private var news = Event()
    private let token = Event()
    private var isPaused = false
    private var isJoined = false
    private(set) var done = 0
    private var failures = 0
    private var lost = 0
    private var retention = 0
    private var maxDead = 0

    var unfinished: Int { lines.map(\.count).reduce(0, +) + delayed.count + running.count }

    private var now: Int { Int((Date().timeIntervalSince1970 * 1000).rounded()) }

    // MARK: Connections

    func serve() async throws {
        let server = try await startServer(port: 6379) { reader, writer in
            try await FakeRedis.serve(reader, writer) { words in
                do { return QueueModel.encode(try await self.answer(words)) } catch let error as RedisError {
                    return "-\(error.text)\r\n"
                }
            }
        }
        try await server.serveForever()
    }

    private static func encode(_ value: RedisValue) -> String {
        switch value {
        case .integer(let number): ":\(number)\r\n"
        case .bulkString(let bytes): "$\(bytes.count)\r\n\(String(decoding: bytes, as: UTF8.self))\r\n"
        case .array(let values): "*\(values.count)\r\n" + values.map(encode).joined()
        default: "$-1\r\n"
        }
    }

    private func number(_ text: some StringProtocol) throws -> Int {
        guard let number = Int(text) else { throw RedisError("ERR \(text) is not an integer") }
        return number
    }

    private func text(_ text: String?) -> RedisValue { text.map { .bulkString(Array($0.utf8)) } ?? .null }

    private func answer(_ words: [String]) async throws -> RedisValue {
        switch words[0] {
        case "PING": return text("PONG")
        case "BLPOP": return try await popToken(within: words[2], words[1])
        case "XREAD": return try await read(words[4], after: number(words[5].prefix { $0 != "-" }))
        case "EVALSHA":
            (retention, maxDead) = (try number(words[4]), try number(words[5]))
            return try run(words[1], Array(words[6...]))
        default: throw RedisError("ERR unknown command \(words[0])")
        }
    }

    private func popToken(within seconds: String, _ list: String) async throws -> RedisValue {
        guard let limit = Double(seconds) else { throw RedisError("ERR timeout is not a float") }
        let end = LoopClock().now.advanced(by: .seconds(limit))
        while !token.isSet {
            do { try await withTimeout(until: end) { try await token.wait() } } catch is TimeoutError { return .null }
        }
        token.clear()
        return .array([text(list), text("1")])
    }

    private func read(_ stream: String, after position: Int) async throws -> RedisValue {
        if events.count <= position {
            do { try await withTimeout(.seconds(2)) { try await news.wait() } } catch is TimeoutError { return .null }
        }
        let entries = events.indices.dropFirst(position).map { index -> RedisValue in
            .array([text("\(index + 1)-0"), .array([text("id"), text(events[index])])])
        }
        return .array([.array([text(stream), .array(entries)])])
    }

    private func report(_ id: String) {
        events.append(id)
        news.set()
        news = Event()
    }

    // MARK: Scripts

    private func run(_ digest: String, _ arguments: [String]) throws -> RedisValue {
        for (id, job) in jobs where job.end <= now { jobs[id] = nil }
        func job() -> Job? { jobs[arguments[0]] }
        switch digest {
        case QueueScripts.put.digest: return try put(arguments)
        case QueueScripts.take.digest: return try take(arguments)
        case QueueScripts.settle.digest: return .integer(try settle(arguments) ? 1 : 0)
        case QueueScripts.renew.digest: return try renew(arguments)
        case QueueScripts.recover.digest: return recover(arguments[0], known: Set(arguments.dropFirst()))
        case QueueScripts.nudge.digest: token.set()
        case QueueScripts.cancel.digest:
            guard let job = job(), !isOver(job) else { return .integer(0) }
            if job.state == "running" { job.isCancelled = true } else { finish(job, "cancelled") }
        case QueueScripts.pause.digest:
            isPaused = arguments[0] == "1"
            if !isPaused { token.set() }
        case QueueScripts.status.digest:
            if arguments[1] == "1", let job = job(), !isOver(job) { job.isWatched = true }
            let fields = job().map { job in [job.state, "\(job.attempts)", job.error, job.progress, job.result] }
            return .array((fields ?? Array(repeating: nil, count: 5)).map(text) + [text("\(events.count)-0")])
        case QueueScripts.counts.digest:
            let numbers = [
                unfinished, delayed.count, running.count, dead.count, done, failures, lost, isPaused ? 1 : 0,
            ]
            return .array(numbers.map { .integer($0) })
        case QueueScripts.join.digest:
            isJoined = unfinished > 0
            return .array([.integer(isJoined ? 0 : 1), text("\(events.count)-0")])
        case QueueScripts.workers.digest:
            return .array(
                workers.map { name, beat in
                    let count = running.filter { $0.job.worker == name }.count
                    return .array([text(name), .integer(count), .integer(now - beat)])
                })
        case QueueScripts.listDead.digest:
            return .array(
                dead.prefix(try number(arguments[0])).map { job, time in
                    .array([text(job.id), text("\(time)-0"), text(job.data), text(job.error), text("\(job.attempts)")])
                })
        case QueueScripts.retryDead.digest:
            guard let job = job(), job.state == "dead" else { return .integer(0) }
            if let other = unique[job.uniqueKey] { return text(other) }
            unique[job.uniqueKey] = job.uniqueKey.isEmpty ? nil : job.id
            dead.removeAll { $0.job === job }
            job.attempts = 0
            ready(job)
        case QueueScripts.dropDead.digest:
            guard let job = job(), job.state == "dead" else { return .integer(0) }
            dead.removeAll { $0.job === job }
            jobs[job.id] = nil
        default: throw RedisError("NOSCRIPT the model does not know this script")
        }
        return .integer(1)
    }

    private func isOver(_ job: Job) -> Bool { ["done", "cancelled", "dead"].contains(job.state) }

    private func put(_ arguments: [String]) throws -> RedisValue {
        let (id, uniqueKey, nonce) = (arguments[0], arguments[3], arguments[6])
        guard arguments[4].isEmpty, try number(arguments[9]) <= 0 else {
            throw RedisError("ERR the model has no order keys and no maximum length")
        }
        if let known = jobs[id] { return .array([text(id), .integer(known.nonce == nonce ? 1 : 0)]) }
        if let other = unique[uniqueKey] { return .array([text(other), .integer(0)]) }
        let job = Job(
            id: id, data: arguments[1], priority: try number(arguments[2]), uniqueKey: uniqueKey, context: arguments[5],
            nonce: nonce)
        jobs[id] = job
        if !uniqueKey.isEmpty { unique[uniqueKey] = id }
        let (delay, date) = (try number(arguments[7]), try number(arguments[8]))
        let due = date >= 0 ? date : now + delay
        if due > now { postpone(job, until: due) } else { ready(job) }
        return .array([text(id), .integer(1)])
    }

    private func ready(_ job: Job) {
        job.state = "waiting"
        lines[job.priority].append(job)
        token.set()
    }

    private func putFirst(_ job: Job) {
        leave(job)
        job.state = "waiting"
        lines[job.priority].insert(job, at: 0)
        token.set()
    }

    private func postpone(_ job: Job, until time: Int) {
        job.state = "delayed"
        delayed.append((job, time))
        token.set()
    }

    private func leave(_ job: Job) {
        lines[job.priority].removeAll { $0 === job }
        delayed.removeAll { $0.job === job }
        running.removeAll { $0.job === job }
    }

    private func finish(_ job: Job, _ state: String) {
        leave(job)
        if unique[job.uniqueKey] == job.id { unique[job.uniqueKey] = nil }
        job.state = state
        job.isCancelled = false
        if state != "dead" { job.end = now + retention }
        if job.isWatched { report(job.id) }
        if isJoined, unfinished == 0 {
            isJoined = false
            report("")
        }
    }

    private func die(_ job: Job, _ message: String) {
        finish(job, "dead")
        job.error = message
        dead.append((job, now))
        while dead.count > maxDead { jobs[dead.removeFirst().job.id] = nil }
    }

    private func take(_ arguments: [String]) throws -> RedisValue {
        let (limit, worker, visibility, most) = (
            try number(arguments[0]), arguments[1], try number(arguments[2]), try number(arguments[3])
        )
        if try number(arguments[4]) > 0 { throw RedisError("ERR the model has no rate") }
        workers[worker] = now
        for (job, time) in delayed.sorted(by: { $0.time < $1.time }) where time <= now {
            leave(job)
            ready(job)
        }
        for (job, time) in running.sorted(by: { $0.time < $1.time }) where time <= now {
            lost += 1
            if job.isCancelled {
                finish(job, "cancelled")
            } else if job.attempts >= most {
                die(job, "the worker did not settle the delivery in time")
            } else {
                putFirst(job)
            }
        }
        if isPaused { return .array([.integer(-2), .integer(0), .integer(0), .array([])]) }
        var taken: [RedisValue] = []
        while taken.count < limit, let job = lines.lazy.compactMap(\.first).first {
            leave(job)
            job.state = "running"
            job.attempts += 1
            job.fence += 1
            (job.progress, job.handedBack, job.worker) = (nil, nil, worker)
            running.append((job, now + visibility))
            taken.append(
                .array([text(job.id), text(job.data), .integer(job.attempts), .integer(job.fence), text(job.context)]))
        }
        if taken.count == limit { token.set() }
        let wait = (delayed + running).map { max(1, $0.time - now) }.min() ?? -1
        return .array([.integer(wait), .integer(0), .integer(unfinished == 0 ? 1 : 0), .array(taken)])
    }

    private func settle(_ arguments: [String]) throws -> Bool {
        guard let job = jobs[arguments[0]], let fence = Int(arguments[1]) else { return false }
        let action = arguments[2]
        if action == "back", job.handedBack == fence { return true }
        guard job.fence == fence else { return false }
        guard ["running", "waiting"].contains(job.state) else {
            return action == "done" ? job.state == "done" : action == "failed" && job.state != "done"
        }
        switch action {
        case "done":
            if arguments[3] == "1" { job.result = arguments[4] }
            done += 1
            finish(job, "done")
        case "failed":
            failures += 1
            job.error = arguments[3]
            if job.isCancelled {
                finish(job, "cancelled")
            } else if try arguments[4] == "1" || job.attempts >= number(arguments[6]) {
                die(job, arguments[3])
            } else {
                leave(job)
                postpone(job, until: now + (try number(arguments[5])))
            }
        case "back":
            takeBack(job)
            job.handedBack = fence
        default: job.progress = arguments[3]
        }
        return true
    }

    /// Ends a delivery, which does not count.
    private func takeBack(_ job: Job) {
        job.attempts -= 1
        job.fence += 1
        if job.state == "running" { putFirst(job) }
    }

    private func renew(_ arguments: [String]) throws -> RedisValue {
        let visibility = try number(arguments[0])
        workers[arguments[1]] = now
        let pairs = stride(from: 2, to: arguments.count, by: 2).map { (arguments[$0], Int(arguments[$0 + 1])) }
        return .array(
            pairs.map { id, fence in
                guard let job = jobs[id], job.fence == fence, ["running", "waiting"].contains(job.state) else {
                    return .integer(0)
                }
                leave(job)
                job.state = "running"
                running.append((job, now + visibility))
                return .integer(job.isCancelled ? -1 : 1)
            })
    }

    private func recover(_ worker: String, known: Set<String>) -> RedisValue {
        let unknown = running.map(\.job).filter { $0.worker == worker && !known.contains($0.id) }
        for job in unknown { takeBack(job) }
        return .integer(unknown.count)
    }
}
