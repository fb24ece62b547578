import AsyncIO

extension ByHand {
    /// A chat with rooms. A client that does not read misses the oldest messages, and is cut off when it has not read for
    /// `patience`. It does not delay the others.
    static func chat(backlog: Int, patience: Duration) async throws -> Server {
        let hall = Hall()
        return try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            guard let name = try await reader.readTextLine() else { return }
            let guest = Guest(writer, backlog: backlog)
            hall.enter("lobby", guest)
            defer { hall.leave(guest) }
            do {
                try await race(
                    {
                        for try await line in reader.lines {
                            if line.hasPrefix("/join ") {
                                hall.leave(guest)
                                hall.enter(String(line.dropFirst(6)), guest)
                            } else {
                                hall.tell(guest.room, "\(name): \(line)")
                            }
                        }
                    }, { try await guest.send(within: patience) })
            } catch is TimeoutError {
                writer.abort()
            }
        }
    }

    private final class Hall {
        private var rooms: [String: [Guest]] = [:]

        func enter(_ room: String, _ guest: Guest) {
            guest.room = room
            rooms[room, default: []].append(guest)
        }

        func leave(_ guest: Guest) {
            guard var guests = rooms[guest.room] else { return }
            guests.removeAll { $0 === guest }
            rooms[guest.room] = guests.isEmpty ? nil : guests
        }

        func tell(_ room: String, _ line: String) {
            for guest in rooms[room] ?? [] { guest.tell(line) }
        }
    }

    private final class Guest {
        var room = ""
        private let writer: StreamWriter
        private let outbox: Queue<String>

        init(_ writer: StreamWriter, backlog: Int) {
            self.writer = writer
            outbox = Queue(maxSize: backlog)
        }

        func tell(_ line: String) {
            if outbox.isFull { _ = try? outbox.getNoWait() }
            try? outbox.putNoWait(line)
        }

        func send(within patience: Duration) async throws {
            while true {
                let line = try await outbox.get()
                try await withTimeout(patience) { try await writer.write(line + "\n") }
            }
        }
    }
}
