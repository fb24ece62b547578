import ArgumentParser
import AsyncIO
import Glibc

/// A chat server. Try it from several terminals: `curl telnet://localhost:7001`.
@main
struct ChatServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-server", abstract: "Provides rooms in which clients talk to each other.",
        discussion: "A client's first line is its name. When it is listening, the server prints READY and its address.")

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 for any free port.") var port = 7001
    @Option(help: "How many lines can wait for a client before it is dropped as too slow.") var backlog = 100

    func validate() throws {
        guard 0...65_535 ~= port, backlog > 0 else {
            throw ValidationError("--port must be in 0...65535 and --backlog at least 1, got \(port) and \(backlog)")
        }
    }

    func run() throws {
        AsyncIO.main {
            let stop = try signals(.terminate, .interrupt)
            let server = try await startServer(host: host, port: port, options: .init(limit: 4096)) { reader, writer in
                let client = Client(writer, backlog: backlog)
                Client.all.append(client)
                _ = try await gather({ try await client.listen(to: reader) }, { try await client.send() })
            }
            try await withServer(server, grace: .seconds(1)) { server in
                print("READY\nlistening on \(server.addresses.map(\.description).joined(separator: ", "))")
                fflush(nil)
                try await stop.next()
                for client in Client.all { client.outbox.shutdown() }
            }
        }
    }
}

/// A connected client. Messages to it wait in a bounded queue, so nothing waits for a client that
/// does not read. One thread runs all clients, so they need no locks.
final class Client {
    static var all: [Client] = []
    private var (name, room) = ("", "")
    private let writer: StreamWriter
    let outbox: Queue<String>

    init(_ writer: StreamWriter, backlog: Int) { (self.writer, outbox) = (writer, Queue(maxSize: backlog)) }

    func listen(to reader: StreamReader) async throws {
        defer {
            // Messages that are already in the queue are still sent.
            outbox.shutdown()
            Self.all.removeAll { $0 === self }
            tellRoom("* \(name) left")
        }
        tell("* your name?")
        for try await line in reader.lines where !outbox.isShutDown { hear(line) }
    }

    private func hear(_ line: String) {
        // Remove control characters, so that clients cannot move each other's cursor.
        let text = String(line.unicodeScalars.filter { $0.properties.generalCategory != .control })
        let words = text.split(separator: " ").map(String.init)
        switch words.first {
        case nil: break
        case let word? where name.isEmpty:
            if Self.all.contains(where: { $0.name == word }) { return tell("* \(word) is taken; your name?") }
            name = word
            join("lobby")
        case "/join" where words.count == 2: join(words[1])
        case "/who": tell("* in \(room): \(Self.all.filter { $0.room == room }.map(\.name).sorted())")
        case "/quit": outbox.shutdown()
        case let word? where word.hasPrefix("/"): tell("* commands: /join ROOM, /who, /quit")
        default: tellRoom("\(name): \(text)")
        }
    }

    private func join(_ newRoom: String) {
        tellRoom("* \(name) went to \(newRoom)")
        room = newRoom
        tellRoom("* \(name) came to \(room)")
    }

    private func tellRoom(_ line: String) {
        for client in Self.all where client.room == room && !room.isEmpty { client.tell(line) }
    }

    private func tell(_ line: String) {
        if (try? outbox.putNoWait(line)) != nil || outbox.isShutDown { return }
        outbox.shutdown(immediate: true)
        writer.abort()
    }

    func send() async throws {
        for try await line in outbox { try await writer.write(line + "\n") }
        writer.close()
    }
}
