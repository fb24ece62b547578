import AsyncIO
import AsyncIOTesting
import ReplicatedStore

/// A cluster in a simulation, with clients, faults, and a record of what the clients received.
struct Cluster {
    var nodes = 3
    var clients = 3
    var requests = 6
    var faults = 4
    var kinds = Fault.Kind.allCases
    var mistakes: Node.Mistakes = []
    var time = Duration.seconds(20)

    /// Runs the cluster in the current simulation, and returns what is wrong with the result, or nil.
    func violation() async throws -> String? {
        let net = try Network.current
        let members = (0..<nodes).map { Member(name: "node-\($0)", host: "node-\($0)", port: 7_000) }
        let mistakes = mistakes
        let hosts = try net.host("node", count: nodes) {
            try await Node(Host.current.name, of: members, in: ".", mistakes: mistakes).run()
        }
        let history = History()
        try await withAsyncTaskGroup { group in
            try group.createTask { try await net.injectFaults(faults, kinds: kinds, on: hosts, within: time) }
            for number in 0..<clients {
                try group.createTask {
                    let client = Client("client-\(number)", of: members)
                    defer { client.close() }
                    for request in 0..<requests {
                        try await sleep(.milliseconds(Int.random(in: 0...2_000)))
                        try await history.add("\(number).\(request)", with: client)
                    }
                }
            }
        }
        let client = Client("last", of: members)
        defer { client.close() }
        return history.violation(in: try await client.list("key"))
    }
}

/// What clients have done, in the order of the answers.
private final class History {
    private struct Answer {
        let token: String
        let list: [String]
        /// The tokens that were acknowledged before the request was made.
        let before: Set<String>
    }

    private var answers: [Answer] = []

    func add(_ token: String, with client: Client) async throws {
        let before = Set(answers.map(\.token))
        let list = try await client.add(token, to: "key")
        answers.append(Answer(token: token, list: list, before: before))
    }

    /// Compares the answers with the list at the end. All answers must be states of one list, which never loses a
    /// token, contains no token twice, and contains all tokens that were acknowledged before the request.
    func violation(in list: [String]) -> String? {
        if Set(list).count < list.count { return "a token is in the list twice: \(list)" }
        for answer in answers {
            if !list.contains(answer.token) {
                return "the token \(answer.token), which was acknowledged, is not in \(list)"
            }
            if !list.starts(with: answer.list) { return "\(answer.list) was not a state of \(list)" }
            if !answer.before.isSubset(of: answer.list) {
                return "\(answer.list) lacks tokens that were acknowledged before: \(answer.before)"
            }
        }
        return nil
    }
}
