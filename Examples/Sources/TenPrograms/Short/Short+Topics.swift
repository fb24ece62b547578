import AsyncIO

extension Short {
    /// A server on which clients publish messages (`PUB topic text`), and subscribe to them (`SUB topic`). A subscriber
    /// first gets the latest message of the topic. A slow subscriber misses the oldest messages, and gets a line with
    /// their number.
    static func topics(backlog: Int) async throws -> Server {
        var topics: [String: Broadcast<String>] = [:]
        var latest: [String: String] = [:]
        return try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await withBackgroundTasks { subscriptions in
                for try await line in reader.lines {
                    let words = line.split(separator: " ", maxSplits: 2).map(String.init)
                    guard words.count >= 2 else { continue }
                    let topic = topics[words[1]] ?? Broadcast(capacity: backlog, lag: .fail)
                    topics[words[1]] = topic
                    switch words[0] {
                    case "PUB" where words.count == 3:
                        latest[words[1]] = words[2]
                        try await topic.send(words[2])
                    case "SUB":
                        let (messages, last) = (topic.subscribe(), latest[words[1]])
                        subscriptions.createTask {
                            if let last { try await writer.write(last + "\n") }
                            while true {
                                do {
                                    guard let text = try await messages.next() else { return }
                                    try await writer.write(text + "\n")
                                } catch let lag as BroadcastLagError {
                                    try await writer.write("missed \(lag.missedCount)\n")
                                }
                            }
                        }
                    default: try await writer.write("error\n")
                    }
                }
            }
        }
    }
}
