import AsyncIO
import Glibc

/// Sends back every byte, on several loops, until SIGTERM; then prints how many connections each loop had.
func echo(port: Int, loops: Int, reusePort: Bool) throws {
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let counts = Mailbox<String>()
    let main = try EventLoopThread(name: "main")
    try main.wait { _ in
        let server = try await startMultiLoopServer(
            host: "127.0.0.1", port: port, loops: EventLoopThread.Count(loops),
            options: .init(backlog: 4096, reusePort: reusePort)
        ) { io, reader, writer in
            try counts.putNoWait(io.loop.name)
            while true {
                let bytes = try await reader.read(262_144)
                if bytes.isEmpty { return }
                try await writer.write(bytes)
            }
        }
        try await server.serve(until: .terminate, .interrupt, grace: .seconds(1)) {
            print("READY")
            fflush(nil)
        }
    }
    var connections: [String: Int] = [:]
    while let loop = try? counts.getNoWait() { connections[loop, default: 0] += 1 }
    print(connections.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))
}
