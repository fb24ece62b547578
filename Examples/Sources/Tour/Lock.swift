import AsyncIO

func lock() async throws {
    let lock = Lock()
    var counter = 0
    try await gather(0..<3) { number in
        try await lock.withLock {
            let seen = counter
            say("Task \(number) read counter: \(seen)")
            try await sleep(.seconds(0.1))
            counter = seen + 1
            say("Task \(number) set counter: \(counter)")
        }
    }
    say("Final counter: \(counter)")
}
