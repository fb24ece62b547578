import AsyncIO
import Glibc

/// Connections send large messages and receive them back. Their memory is used again, so that messages cause no
/// page faults once the program has its memory.
func pageFaults() async throws {
    let io = try EventLoopThread(name: "echo")
    let faults = try await io.run { _ in
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            while true {
                let bytes = try await reader.read(262_144)
                if bytes.isEmpty { return }
                try await writer.write(bytes)
            }
        }
        let port = server.port
        let message = [UInt8](repeating: 1, count: 100 * 1024)
        let (connections, rounds) = (50, 40)
        var before = 0
        try await withAsyncTaskGroup { group in
            let isWarm = Barrier(connections)
            for _ in 0..<connections {
                try group.createTask {
                    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                    for round in 0..<rounds {
                        // The first rounds get the memory from the system.
                        if round == rounds / 4, try await isWarm.wait() == 0 { before = minorFaults() }
                        let writing = createTask { try await writer.write(message) }
                        _ = try await reader.readExactly(message.count)
                        try await writing.value
                    }
                    writer.close()
                }
            }
        }
        server.close()
        return Double(minorFaults() - before) / Double(connections * rounds * 3 / 4)
    }
    try await io.shutDown(within: .seconds(10))
    print("page faults per message", faults < 4 ? "few" : "\(faults)", faults < 4)
}

private func minorFaults() -> Int {
    var usage = rusage()
    unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_minflt
}
