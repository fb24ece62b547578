import ArgumentParser
import AsyncIO
import Glibc

/// A place to talk. Try, from several terminals: `curl telnet://localhost:7001`.
@main
struct ChatServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-server", abstract: "Rooms in which those who connect talk to each other.",
        discussion: "A client's first line is its name. Prints READY once it listens, and in the next line where.")

    @Option(help: "The address to listen on.") var host = "127.0.0.1"
    @Option(help: "The port to listen on; 0 for a free one.") var port = 7001
    @Option(help: "How many lines may wait for a client; with one more it is dropped as too slow.") var backlog = 100

    func validate() throws {
        guard 0...65_535 ~= port, backlog > 0 else {
            throw ValidationError("--port must be from 0 to 65535, and --backlog positive.")
        }
    }

    func run() throws {
        AsyncIO.main {
            let stop = try signals(.terminate, .interrupt)
            let server = try await startServer(host: host, port: port, limit: 4096) { reader, writer in
                let client = Client(writer, backlog: backlog)
                Client.all.append(client)
                _ = try await gather({ try await client.listen(to: reader) }, { try await client.send() })
            }
            try await withServer(server, grace: .seconds(1)) { server in
                print("READY\nlistening on \(server.addresses.map(\.description).joined(separator: ", "))")
                fflush(nil)
                for try await _ in stop { break }
                for client in Client.all { client.outbox.shutdown() }
            }
        }
    }
}

/// Who is connected. What it is told waits in a queue that has an end, so that nobody waits for
/// a client that does not read. One thread runs all of them: there is nothing to lock.
final class Client {
    static var all: [Client] = []
    private var (name, room) = ("", "")
    private let writer: StreamWriter
    let outbox: Queue<String>

    init(_ writer: StreamWriter, backlog: Int) { (self.writer, outbox) = (writer, Queue(maxSize: backlog)) }

    func listen(to reader: StreamReader) async throws {
        defer {
            // What it was told until now is still sent.
            outbox.shutdown()
            Self.all.removeAll { $0 === self }
            tellRoom("* \(name) left")
        }
        tell("* your name?")
        for try await line in reader.lines where !outbox.isShutDown { hear(line) }
    }

    private func hear(_ line: String) {
        // Nobody may move another one's cursor.
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
        case let word? where word.hasPrefix("/"): tell("* there is /join ROOM, /who and /quit")
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
