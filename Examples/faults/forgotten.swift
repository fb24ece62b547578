import AsyncIO

struct NoSuchUser: Error { let name: String }

func notify(_ name: String) async throws {
    throw NoSuchUser(name: name)
}

func forgotten(_ time: Duration) async throws {
    // Nothing awaits this task.
    createTask(name: "notify") { try await notify("anna") }
    sayReady()
    try await sleep(min(time, .milliseconds(100)))
}
