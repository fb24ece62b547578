import AsyncIO

/// Tasks that only yield to each other. One operation: one yield to the loop.
func switching(tasks: Int, total: Int) async throws {
    let each = total / tasks
    let measure = Measure()
    try await gather(
        (0..<tasks).map { _ in
            createTask { for _ in 0..<each { try await sleep(.zero) } }
        })
    measure.report("switch", operations: each * tasks)
}

/// The same while a server listens, so that each turn has to check for new connections.
func switchingBesideAServer(tasks: Int, total: Int) async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in writer.close() }
    try await switching(tasks: tasks, total: total)
    server.close()
}
