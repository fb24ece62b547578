import AsyncIO

/// Functions and scopes that wait for other work. Each body suspends once.
enum Scope: String {
    /// A future that a callback ends.
    case future
    /// A body with a time limit that does not run out.
    case timeout
    /// A task that is awaited with a time limit.
    case waitFor = "wait-for"
    /// Two bodies that `gather` runs.
    case gather
    /// Two bodies of which the first wins.
    case race
    /// A task group with two tasks.
    case group
    /// A task that is shielded from cancellation.
    case shield
    /// A function that is retried, and succeeds at once.
    case retry
}

func scope(_ what: Scope, _ count: Int) async throws {
    let measure = Measure()
    var sum = 0
    switch what {
    case .future:
        let loop = try EventLoop.running
        for number in 0..<count {
            let future = Future<Int>()
            try loop.callSoon { try future.setResult(number & 1) }
            sum += try await future.value
        }
    case .timeout:
        for number in 0..<count {
            sum += try await withTimeout(.seconds(60)) {
                try await sleep(.zero)
                return number & 1
            }
        }
    case .waitFor:
        for number in 0..<count {
            sum += try await waitFor(value(number & 1), timeout: .seconds(60))
        }
    case .gather:
        for number in 0..<count {
            let (zero, one) = try await AsyncIO.gather({ try await later(0) }, { try await later(number & 1) })
            sum += zero + one
        }
    case .race:
        for number in 0..<count {
            sum += try await AsyncIO.race(
                { try await later(number & 1) },
                {
                    try await sleep(.seconds(60))
                    return 0
                })
        }
    case .group:
        for number in 0..<count {
            sum += try await withAsyncTaskGroup { group in
                let zero = try group.createTask { try await later(0) }
                let one = try group.createTask { try await later(number & 1) }
                return try await zero.value + one.value
            }
        }
    case .shield:
        for number in 0..<count { sum += try await AsyncIO.shield(value(number & 1)) }
    case .retry:
        for number in 0..<count { sum += try await AsyncIO.retry(attempts: 2) { try await later(number & 1) } }
    }
    guard sum == count / 2 else { throw RuntimeError("a value is wrong") }
    measure.report(what.rawValue, operations: count)
}

private func value(_ number: Int) -> AsyncTask<Int> { createTask { try await later(number) } }

private func later(_ number: Int) async throws -> Int {
    try await sleep(.zero)
    return number
}
