import AsyncIO

func barrier() async throws {
    let barrier = Barrier(3)
    try await gather(1...3) { number in try await work(number, barrier) }
}

private func work(_ number: Int, _ barrier: Barrier) async throws {
    say("Worker \(number): Starting")
    try await sleep(.seconds(number))
    say("Worker \(number): Waiting at barrier")
    try await barrier.wait()
    say("Worker \(number): Continuing after barrier")
}
