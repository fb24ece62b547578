import AsyncIO

extension ByHand {
    /// A server on which clients publish messages (`PUB topic text`), and subscribe to them (`SUB topic`). A subscriber
    /// first gets the latest message of the topic. A slow subscriber misses the oldest messages, and gets a line with
    /// their number.
    static func topics(backlog: Int) async throws -> Server {
        var topics: [String: Topic] = [:]
        return try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await withBackgroundTasks { subscriptions in
                for try await line in reader.lines {
                    let words = line.split(separator: " ", maxSplits: 2).map(String.init)
                    guard words.count >= 2 else { continue }
                    let topic = topics[words[1]] ?? Topic()
                    topics[words[1]] = topic
                    switch words[0] {
                    case "PUB" where words.count == 3: topic.publish(words[2])
                    case "SUB":
                        let subscriber = topic.subscribe(backlog: backlog)
                        subscriptions.createTask {
                            defer { topic.remove(subscriber) }
                            try await subscriber.send(to: writer)
                        }
                    default: try await writer.write("error\n")
                    }
                }
            }
        }
    }

    private final class Topic {
        private var latest: String?
        private var subscribers: [Subscriber] = []

        func publish(_ text: String) {
            latest = text
            for subscriber in subscribers { subscriber.add(text) }
        }

        func subscribe(backlog: Int) -> Subscriber {
            let subscriber = Subscriber(backlog: backlog)
            if let latest { subscriber.add(latest) }
            subscribers.append(subscriber)
            return subscriber
        }

        func remove(_ subscriber: Subscriber) { subscribers.removeAll { $0 === subscriber } }
    }

    private final class Subscriber {
        private let queue: Queue<String>
        private var missed = 0

        init(backlog: Int) { queue = Queue(maxSize: backlog) }

        func add(_ text: String) {
            if queue.isFull {
                _ = try? queue.getNoWait()
                missed += 1
            }
            try? queue.putNoWait(text)
        }

        func send(to writer: StreamWriter) async throws {
            while true {
                let text = try await queue.get()
                if missed > 0 {
                    let count = missed
                    missed = 0
                    try await writer.write("missed \(count)\n")
                }
                try await writer.write(text + "\n")
            }
        }
    }
}
