// A server with workers, one scenario for each argument. It answers each line with the ID of the
// process that does so. Tests start it, send it signals, and act as its clients.

import AsyncIO
import Glibc

nonisolated func say(_ line: String) {
    print(line)
    fflush(nil)
}

// Whatever goes wrong, no process is left behind.
alarm(120)
signal(SIGINT, SIG_DFL)

let arguments = CommandLine.arguments
let scenario = arguments.count > 1 ? arguments[1] : ""
/// A file that tells workers to fail, or a socket.
let path = arguments.count > 2 ? arguments[2] : ""

func answer(_ request: String, _ worker: Worker) async throws -> String {
    switch request {
    case "slow":
        say("begins slow")
        try await sleep(.milliseconds(300))
    case "for ever":
        say("begins for ever")
        try await sleep(.seconds(100))
    case "variable":
        let process = try await createSubprocess(shell: "echo $ASYNCIO_WORKER", stdout: .pipe)
        return String(decoding: try await process.communicate().stdout ?? [], as: UTF8.self).dropLast() + "end"
    default: break
    }
    return "\(getpid())"
}

func serve(_ worker: Worker) async throws {
    if access(path, F_OK) == 0, scenario == "fails" { throw ValueError("the file is there") }
    let loop = try EventLoop.running
    try loop.addSignalHandler(.user1) { say("\(worker.number) got SIGUSR1") }
    let server = try await startServer(on: .sockets(worker.sockets)) { reader, writer in
        for try await request in reader.lines {
            let answer = try await answer(request, worker)
            // "bye" means that this connection accepts no more requests.
            let isLast = worker.isStopping
            try await writer.write(isLast ? "\(answer) bye\n" : "\(answer)\n")
            if isLast { break }
        }
    }
    say("ready \(getpid()) \(server.addresses.first?.port.map(String.init) ?? "none")")
    try await worker.serve(server)
    say("stopped \(getpid())")
}

do {
    switch scenario {
    case "in process":
        try runWorkers(count: .inProcess, listen: [.tcp(host: "127.0.0.1", port: 0)], serve)
    case "short grace":
        try runWorkers(count: 1, listen: [.tcp(host: "127.0.0.1", port: 0)], grace: .milliseconds(300), serve)
    case "unix":
        try runWorkers(count: 2, listen: [.unix(path: path)], serve)
    case "activated":
        try runWorkers(count: 2, listen: [.sockets(Server.takeSystemdSockets())], serve)
    case "no loop":
        try runWorkers(count: 1) { worker in
            say("ready \(getpid()) 0")
            worker.ready()
            try await worker.waitUntilStopping()
            say("computing")
            while true {}
        }
    default:
        try runWorkers(
            count: 2, listen: [.tcp(host: "127.0.0.1", port: 0)], grace: .seconds(20), forwarding: [.user1],
            serve)
    }
    say("end")
} catch {
    say("threw \(error)")
    exit(3)
}
