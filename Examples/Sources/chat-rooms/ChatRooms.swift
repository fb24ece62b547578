import ArgumentParser
import AsyncIO
import Glibc

/// The program of the tutorial in the guides. Try it from several terminals:
///
///     chat-rooms --port 7002 &
///     nc localhost 7002
@main
struct ChatRooms: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-rooms", abstract: "Provides rooms in which clients of several processes talk to each other.",
        discussion: "A client's first line is its name. SIGTERM and Ctrl-C end the server gracefully.")

    @Option(help: "The port to listen on, at 127.0.0.1; 0 for any free port.") var port = 7002
    @Option(help: "The number of processes.") var workers = 1
    @Option(help: "A file with a certificate; the server then uses TLS.") var certificate: String?
    @Option(help: "A file with the key of the certificate.") var key: String?
    @Option(help: "The Unix socket through which the processes talk to each other.") var relay = "chat-rooms.socket"

    func validate() throws {
        guard 0...65_535 ~= port, workers >= 1 else {
            throw ValidationError("--port must be in 0...65535 and --workers at least 1, got \(port) and \(workers)")
        }
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--certificate and --key go together")
        }
    }

    func run() throws {
        let isAlone = workers == 1
        var listeners: [Server.Listener] = [.tcp(host: "127.0.0.1", port: port)]
        if !isAlone { listeners.append(.unix(path: relay)) }
        try runWorkers(
            count: isAlone ? .inProcess : Worker.Count(workers), listen: listeners, grace: .seconds(5)
        ) { worker in
            let chat = Chat()
            var tls: TLSContext?
            if let certificate, let key { tls = try TLSContext.server(certificate: certificate, key: key) }
            let server = try await startServer(on: .sockets(worker.sockets(of: 0)), tls: tls) { reader, writer in
                try await chat.serve(reader, writer)
            }
            try await withBackgroundTasks { background in
                if !isAlone {
                    if worker.number == 0 { background.createTask(name: "hub") { try await runHub(on: worker) } }
                    background.createTask(name: "relay") { try await chat.follow(hub: relay) }
                }
                background.createTask(name: "closer") {
                    try await worker.waitUntilStopping()
                    chat.close()
                }
                print("READY\nlistening on \(server.addresses.map(\.description).joined(separator: ", "))")
                fflush(nil)
                try await worker.serve(server)
            }
        }
    }
}
