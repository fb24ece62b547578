import AsyncIO

// # A replicated store
//
// Several nodes have the same log of changes. One of them is the leader of a *term*: it accepts changes from clients,
// appends them to its log, and sends them to the others. A change is *committed* when a majority has it on its disks.
// It is then applied, and the client gets its answer. If the others do not hear from the leader, one of them asks for
// votes and begins a new term. It becomes the leader if a majority votes for it. A node votes once in each term, and
// only for a node whose log contains everything that its own log contains. So two leaders never commit different
// changes, and a committed change is never lost. This is the Raft algorithm, without snapshots and without changes of
// membership.
//
// Only one task at a time changes the state of a node (`lock`), because a change includes writes to the disk.

/// A node of the store.
public final class Node {
    /// Mistakes that a node makes on purpose, for tests that must find them.
    public nonisolated struct Mistakes: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// The node answers before its changes are on the disk.
        public static let doesNotSync = Mistakes(rawValue: 1)
        /// As the leader, the node continues without the nodes that do not answer, as if they did not exist.
        public static let goesOnAlone = Mistakes(rawValue: 2)
        /// If a client repeats a request, the node applies the request again.
        public static let appliesRepeats = Mistakes(rawValue: 4)
    }

    private enum Role { case follower, candidate, leader }

    private let me: Member
    private let others: [Member]
    private let mistakes: Mistakes
    private let storage: Storage
    private var machine: StateMachine
    private let lock = Lock()

    private var role = Role.follower
    private var leader: Member?
    private var lastHeard = ContinuousClock.now
    /// The number of committed entries, and the number of applied entries.
    private var committed = 0
    private var applied = 0
    /// For a leader: the number of entries that each of the others has, and the results that clients wait for, by
    /// entry.
    private var matched: [Member: Int] = [:]
    private var silent: Set<Member> = []
    private var waiting: [Int: Future<[String]?>] = [:]
    private var replication: [AsyncTask<Void>] = []
    /// Set when there is something to send to the others.
    private let news = Event()

    private static let heartbeat = Duration.milliseconds(200)
    private static let patience = 800...1_600
    private static let limit = Duration.milliseconds(500)

    /// - Parameters:
    ///   - name: The name of this node, which is one of the members.
    ///   - folder: An existing directory for the node's files.
    public init(_ name: String, of members: [Member], in folder: String, mistakes: Mistakes = []) throws {
        guard let me = members.first(where: { $0.name == name }) else {
            throw ValueError("\(name) is not one of the members \(members.map(\.name))")
        }
        self.me = me
        self.mistakes = mistakes
        others = members.filter { $0 != me }
        storage = Storage(in: folder, isSynced: !mistakes.contains(.doesNotSync))
        machine = StateMachine(appliesRepeats: mistakes.contains(.appliesRepeats))
    }

    /// Runs the node until the task is cancelled.
    public func run() async throws {
        try await storage.load()
        let server = try await startServer(port: me.port) { [self] reader, writer in
            for try await line in reader.lines { try await writer.write(self.answer(to: line) + "\n") }
        }
        try await withAsyncTaskGroup { group in
            try group.createTask { try await server.serveForever() }
            try group.createTask { [self] in try await watchLeader() }
        }
    }

    private func answer(to line: String) async throws -> String {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("VOTE", 5): return try await vote(term: words[1], words[2], count: words[3], lastTerm: words[4])
        case ("APPEND", 6...): return try await append(words)
        case ("ADD", 4): return try await add(id: words[1], key: words[2], token: words[3])
        case ("GET", 3): return try await add(id: words[1], key: words[2], token: "")
        default: return "ERROR a node does not understand \(line.debugDescription)"
        }
    }

    // MARK: Terms

    /// Begins a later term as a follower.
    private func follow(term: Int, _ newLeader: Member? = nil) async throws {
        if term > storage.term { try await storage.begin(term: term, vote: nil) }
        role = .follower
        leader = newLeader
        for task in replication { task.cancel() }
        replication = []
        // The clients ask the new leader, which may or may not have their entries.
        for future in waiting.values { try? future.setResult(nil) }
        waiting = [:]
    }

    private func watchLeader() async throws {
        while true {
            let patience = Duration.milliseconds(Int.random(in: Self.patience))
            try await sleep(patience)
            if role != .leader, lastHeard + patience <= .now { try await campaign() }
        }
    }

    private func campaign() async throws {
        try await lock.withLock {
            role = .candidate
            try await storage.begin(term: storage.term + 1, vote: me.name)
        }
        let (term, count) = (storage.term, storage.entries.count)
        let question = "VOTE \(term) \(me.name) \(count) \(storage.term(ofFirst: count))"
        let answers = try await gather(others) { member in
            let link = Link(to: member)
            defer { link.close() }
            return try await self.ignoringFailures { try await link.ask(question, within: Self.limit) }
        }
        let votes = 1 + answers.count { $0 == "YES \(term)" }
        try await lock.withLock {
            guard role == .candidate, storage.term == term, votes * 2 > others.count + 1 else { return }
            try await lead()
        }
    }

    private func vote(term: String, _ candidate: String, count: String, lastTerm: String) async throws -> String {
        guard let term = Int(term), let count = Int(count), let lastTerm = Int(lastTerm) else { return "ERROR" }
        return try await lock.withLock {
            if term > storage.term { try await follow(term: term) }
            let mine = (storage.term(ofFirst: storage.entries.count), storage.entries.count)
            guard term == storage.term, storage.vote == nil || storage.vote == candidate, (lastTerm, count) >= mine
            else {
                return "NO \(storage.term)"
            }
            try await storage.begin(term: term, vote: candidate)
            lastHeard = .now
            return "YES \(term)"
        }
    }

    // MARK: The leader

    private func lead() async throws {
        role = .leader
        leader = me
        // Entries of earlier terms are committed together with this one.
        try await storage.replace(from: storage.entries.count, with: [.nothing(term: storage.term)])
        matched = [:]
        silent = []
        replication = others.map { member in createTask { [self] in try await replicate(to: member) } }
        commit()
    }

    /// Sends entries to a member, and heartbeats, as long as this node is the leader.
    private func replicate(to member: Member) async throws {
        let term = storage.term
        let link = Link(to: member)
        defer { link.close() }
        var next = storage.entries.count
        while role == .leader, storage.term == term {
            let entries = storage.entries[next...]
            let question =
                "APPEND \(term) \(me.name) \(next) \(storage.term(ofFirst: next)) \(committed) "
                + entries.map(\.word).joined(separator: " ")
            let answer = try await ignoringFailures { try await link.ask(question, within: Self.limit) }
            let words = answer?.split(separator: " ") ?? []
            guard words.count == 3, let theirTerm = Int(words[1]), let count = Int(words[2]) else {
                silent.insert(member)
                commit()
                try await sleep(Self.heartbeat)
                continue
            }
            silent.remove(member)
            if theirTerm > term {
                return try await lock.withLock { if theirTerm > storage.term { try await follow(term: theirTerm) } }
            }
            if words[0] == "OK" {
                next += entries.count
                matched[member] = next
                commit()
            } else {
                next = min(count, max(0, next - 1))
            }
            if next == storage.entries.count {
                news.clear()
                do { try await withTimeout(Self.heartbeat) { try await news.wait() } } catch is TimeoutError {}
            }
        }
    }

    /// Commits the entries that a majority has.
    private func commit() {
        let others = others.filter { !mistakes.contains(.goesOnAlone) || !silent.contains($0) }
        let counts = ([storage.entries.count] + others.map { matched[$0] ?? 0 }).sorted()
        let count = counts[counts.count - 1 - counts.count / 2]
        guard role == .leader, count > committed, storage.term(ofFirst: count) == storage.term else { return }
        committed = count
        apply()
    }

    private func apply() {
        while applied < committed {
            let list = machine.apply(storage.entries[applied])
            applied += 1
            try? waiting.removeValue(forKey: applied)?.setResult(list)
        }
    }

    /// Adds a token to a list for a client, and returns the list when the change is committed.
    private func add(id: String, key: String, token: String) async throws -> String {
        let future = try await lock.withLock { () -> Future<[String]?>? in
            guard role == .leader else { return nil }
            let entry = Entry(term: storage.term, id: id, key: key, token: token)
            try await storage.replace(from: storage.entries.count, with: [entry])
            let future = Future<[String]?>()
            waiting[storage.entries.count] = future
            news.set()
            commit()
            return future
        }
        guard let list = try await future?.value else { return "MOVED \(leader?.name ?? "-")" }
        return "OK " + list.joined(separator: ",")
    }

    // MARK: The followers

    private func append(_ words: [String]) async throws -> String {
        guard let term = Int(words[1]), let count = Int(words[3]), let lastTerm = Int(words[4]),
            let theirCommitted = Int(words[5])
        else { return "ERROR" }
        let entries = words[6...].compactMap { Entry(word: $0) }
        return try await lock.withLock {
            if term < storage.term { return "NO \(storage.term) 0" }
            if term > storage.term || role != .follower || leader?.name != words[2] {
                try await follow(term: term, others.first { $0.name == words[2] })
            }
            lastHeard = .now
            guard count <= storage.entries.count, storage.term(ofFirst: count) == lastTerm else {
                return "NO \(storage.term) \(storage.entries.count)"
            }
            // Entries that are already in the log stay there, because this message can be older than the one before it.
            let same = zip(entries, storage.entries[count...]).prefix { $0.term == $1.term }.count
            if same < entries.count { try await storage.replace(from: count + same, with: entries[same...]) }
            committed = max(committed, min(theirCommitted, count + entries.count))
            apply()
            return "OK \(storage.term) \(storage.entries.count)"
        }
    }

    /// Returns nil if `body` fails, for example because the other node cannot be reached.
    private func ignoringFailures<T>(_ body: () async throws -> T) async throws -> T? {
        do {
            return try await body()
        } catch let error as CancellationError {
            throw error
        } catch {
            return nil
        }
    }
}
