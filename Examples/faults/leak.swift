import AsyncIO

/// Starts a task that waits for an answer that never arrives.
func handle(_ request: Int, _ answers: Queue<String>) {
    createTask(name: "request \(request)") { try await answers.get() }
}

func leak(_ time: Duration) async throws {
    let answers = Queue<String>()
    let end = ContinuousClock.now + time
    var request = 0
    while ContinuousClock.now < end {
        request += 1
        handle(request, answers)
        if request == 20 { sayReady() }
        try await sleep(.milliseconds(5))
    }
    print("\(allTasks().count) tasks")
}
