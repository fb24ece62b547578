import AsyncIO

func tasks() async throws {
    let loop = try EventLoop.running
    let start = loop.now
    let tasks = (1...3).map { server in createTask { try await fetch(fromServer: server) } }
    let results = try await waitFor(gatherFuture(tasks), timeout: .seconds(4))
    say("Results: \(results)")
    say("Total time: \((loop.now - start).inSeconds) seconds")
}

private func fetch(fromServer server: Int) async throws -> String {
    say("Fetching data from server \(server)")
    try await sleep(.seconds(server))
    return "Data from server \(server)"
}
