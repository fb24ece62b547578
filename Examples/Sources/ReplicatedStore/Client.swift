import AsyncIO

/// A client of the store. It repeats a request until a leader has answered it.
public final class Client {
    private let name: String
    private let members: [Member]
    private var requests = 0
    private var current: Int
    private var link: Link

    /// - Parameter name: A name that no other client has.
    public init(_ name: String, of members: [Member]) {
        (self.name, self.members) = (name, members)
        current = 0
        link = Link(to: members[0])
    }

    /// Adds a token to the list of a key, once, and returns the list.
    public func add(_ token: String, to key: String) async throws -> [String] {
        try await request { "ADD \($0) \(key) \(token)" }
    }

    /// Returns the list of a key.
    public func list(_ key: String) async throws -> [String] { try await request { "GET \($0) \(key)" } }

    private func request(_ question: (_ id: String) -> String) async throws -> [String] {
        requests += 1
        let line = question("\(name)-\(requests)")
        while true {
            do {
                let answer = try await link.ask(line, within: .seconds(2))
                if answer.hasPrefix("OK ") { return answer.dropFirst(3).split(separator: ",").map(String.init) }
                if answer.hasPrefix("ERROR") { throw ValueError(answer) }
                move(to: answer.split(separator: " ").last.map(String.init))
            } catch let error as ValueError {
                throw error
            } catch let error as CancellationError {
                throw error
            } catch {
                move(to: nil)
            }
            try await sleep(.milliseconds(100))
        }
    }

    /// Switches to another member: to the leader, if it is known.
    private func move(to leader: String?) {
        link.close()
        current = members.firstIndex { $0.name == leader } ?? (current + 1) % members.count
        link = Link(to: members[current])
    }

    public func close() { link.close() }
}
