import AsyncIO

@MainActor public func tick(_ queue: Queue<Int>, times: Int) -> AsyncTask<Void> {
    createTask {
        for number in 0..<times {
            try await queue.put(number)
            try await sleep(.seconds(1))
        }
    }
}
