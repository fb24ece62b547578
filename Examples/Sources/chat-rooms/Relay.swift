import AsyncIO

/// Runs the hub in a worker. It passes each line that a process sends on to all other processes.
func runHub(on worker: Worker) async throws {
    var links: [Outbox] = []
    let server = try await startServer(on: .sockets(worker.sockets(of: 1))) { reader, writer in
        let link = Outbox { writer.abort() }
        links.append(link)
        defer { links.removeAll { $0 === link } }
        try await link.sending(to: writer) {
            for try await line in reader.lines {
                for other in links where other !== link { other.add(line) }
            }
        }
    }
    try await server.serveForever()
}

extension Chat {
    /// Stays connected to the hub until the task is cancelled. Each line is a room, a space, and a text.
    func follow(hub path: String) async throws {
        while true {
            do {
                try await connect(toHub: path)
            } catch is OSError {
                // The process with the hub has ended. Its supervisor starts another one.
            }
            try await sleep(.milliseconds(100))
        }
    }

    private func connect(toHub path: String) async throws {
        let (reader, writer) = try await openConnection(to: .unix(path: path))
        let link = Outbox { writer.abort() }
        relay = { text, room in link.add("\(room) \(text)") }
        defer {
            relay = nil
            writer.close()
        }
        try await link.sending(to: writer) {
            for try await line in reader.lines {
                let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
                if parts.count == 2 { deliver(parts[1], to: parts[0]) }
            }
        }
    }
}
