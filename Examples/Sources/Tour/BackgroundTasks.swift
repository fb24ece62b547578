import AsyncIO

func backgroundTasks() async throws {
    let background = BackgroundTasks()
    for number in 1...3 { background.createTask { try await work(number) } }
    say("Started \(background.count) background tasks")
    try await sleep(.seconds(2.5))
    say("Still running: \(background.count)")
    try await background.cancelAll()
    say("Still running: \(background.count)")
}

private func work(_ number: Int) async throws {
    do {
        try await sleep(.seconds(number))
        say("Background task \(number) done")
    } catch is CancellationError {
        say("Background task \(number) cancelled")
        throw CancellationError()
    }
}
