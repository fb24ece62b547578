import AsyncIO

/// A member of the cluster, and how to reach it.
public struct Member: Sendable, Hashable {
    public let name: String
    public let host: String
    public let port: Int

    public nonisolated init(name: String, host: String, port: Int) {
        (self.name, self.host, self.port) = (name, host, port)
    }
}

/// A connection that is opened when it is needed, for one question at a time.
final class Link {
    private let member: Member
    private let turn = Lock()
    private var streams: (StreamReader, StreamWriter)?

    struct Disconnected: Error {}

    init(to member: Member) { self.member = member }

    /// Sends a line and returns the answer. If the answer does not arrive in time, the connection is closed, so that a
    /// late answer is not mistaken for another one.
    func ask(_ question: String, within limit: Duration) async throws -> String {
        try await turn.withLock {
            do {
                return try await withTimeout(limit) {
                    let (reader, writer) = try await connected()
                    try await writer.write(question + "\n")
                    guard let answer = try await reader.readTextLine() else { throw Disconnected() }
                    return answer
                }
            } catch {
                close()
                throw error
            }
        }
    }

    private func connected() async throws -> (StreamReader, StreamWriter) {
        if let streams { return streams }
        let streams = try await openConnection(host: member.host, port: member.port)
        self.streams = streams
        return streams
    }

    func close() {
        streams?.1.abort()
        streams = nil
    }
}
