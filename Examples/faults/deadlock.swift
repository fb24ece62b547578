import AsyncIO

/// An account. Each of two transfers first acquires the lock of its own source account.
final class Account {
    let lock = Lock()
    var balance = 100
}

func transfer(from source: Account, to target: Account) async throws {
    try await source.lock.withLock {
        try await sleep(.milliseconds(10))
        try await target.lock.withLock {
            source.balance -= 1
            target.balance += 1
        }
    }
}

func deadlock(_ time: Duration) async throws {
    let (anna, ben) = (Account(), Account())
    let there = createTask(name: "there") { try await transfer(from: anna, to: ben) }
    let back = createTask(name: "back") { try await transfer(from: ben, to: anna) }
    try await sleep(.milliseconds(50))
    sayReady()
    // This would wait forever; the timeout ends the example.
    _ = try await wait([there, back], timeout: time)
    print(try formatCallGraph(there))
}
