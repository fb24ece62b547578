import AsyncIO

/// Counts primes in a slow way, and does not let other code run meanwhile.
func countPrimes(for time: Duration) -> Int {
    let end = ContinuousClock.now + time
    var count = 0
    var number = 2
    while ContinuousClock.now < end {
        var isPrime = true
        for divisor in 2..<max(2, number) where number % divisor == 0 { isPrime = false }
        if isPrime { count += 1 }
        number += 1
    }
    return count
}

func blocked(_ time: Duration) async throws {
    let heartbeat = createTask(name: "heartbeat") {
        while true { try await sleep(.milliseconds(100)) }
    }
    let work = createTask(name: "primes") { countPrimes(for: time) }
    sayReady()
    // The fix: `try await toThread { countPrimes(for: time) }`.
    print("\(try await work.value) primes")
    heartbeat.cancel()
}
