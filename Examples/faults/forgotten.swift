import AsyncIO

struct NoSuchUser: Error { let name: String }

func notify(_ name: String) async throws {
    throw NoSuchUser(name: name)
}

func forgotten(_ time: Duration) async throws {
    // Nobody asks how it ended.
    createTask(name: "notify") { try await notify("anna") }
    sayReady()
    try await sleep(min(time, .milliseconds(100)))
}
