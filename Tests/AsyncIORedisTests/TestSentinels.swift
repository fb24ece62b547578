import AsyncIO

/// A master with two replicas, and three Sentinels that watch over them.
struct TestSentinels {
    /// The master, and its replicas.
    let servers: [RedisServer]
    let ports: [Int]
    var url: String {
        "redis+sentinel://" + ports.map { "127.0.0.1:\($0)" }.joined(separator: ",") + "/mymaster/0"
    }

    /// Starts all of them, and runs `body`.
    ///
    /// - Parameter patience: How many milliseconds a server can be silent before the Sentinels consider it dead.
    static func run(
        patience: Int = 500, _ body: (TestSentinels) async throws -> Void
    ) async throws {
        try await RedisServer.run { master in
            let replication = ["--replicaof", "127.0.0.1 \(master.port)"]
            try await RedisServer.run(replication) { first in
                try await RedisServer.run(replication) { second in
                    try await withFolder { folder in
                        var processes: [AsyncSubprocess] = []
                        var ports: [Int] = []
                        for _ in 0..<3 {
                            let (process, port) = try await startSentinel(in: folder, watching: master, patience)
                            processes.append(process)
                            ports.append(port)
                        }
                        let result: Result<Void, any Error>
                        do {
                            for port in ports { try await eventually { try await isComplete(port) } }
                            let sentinels = TestSentinels(servers: [master, first, second], ports: ports)
                            result = .success(try await body(sentinels))
                        } catch { result = .failure(error) }
                        for process in processes {
                            try? process.kill()
                            _ = try? await process.wait()
                        }
                        try result.get()
                    }
                }
            }
        }
    }

    /// What the servers are now: "master" or "slave".
    func roles() async throws -> [String] {
        var roles: [String] = []
        for server in servers {
            roles.append(String(try await server.cli("ROLE").prefix { $0.isLetter }))
        }
        return roles
    }

    private static func startSentinel(
        in folder: String, watching master: RedisServer, _ patience: Int
    ) async throws -> (AsyncSubprocess, Int) {
        let port = try freePort()
        let file = "\(folder)/sentinel\(port).conf"
        try await writeFile(
            file,
            """
            port \(port)
            bind 127.0.0.1
            dir \(folder)
            sentinel monitor mymaster 127.0.0.1 \(master.port) 2
            sentinel down-after-milliseconds mymaster \(patience)
            sentinel failover-timeout mymaster 3000
            sentinel parallel-syncs mymaster 1

            """)
        let process = try await createSubprocess(
            "redis-server", arguments: [file, "--sentinel"], stdout: .devNull, stderr: .devNull)
        return (process, port)
    }

    /// Whether a Sentinel knows the replicas and the other Sentinels.
    private static func isComplete(_ port: Int) async throws -> Bool {
        let text = try await runProgram("redis-cli", ["-p", "\(port)", "SENTINEL", "MASTER", "mymaster"])
        let words = text.split(separator: "\n").map(String.init)
        func value(_ name: String) -> String? { words.firstIndex(of: name).map { words[$0 + 1] } }
        return value("num-slaves") == "2" && value("num-other-sentinels") == "2"
    }
}
