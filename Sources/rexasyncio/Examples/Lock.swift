import AsyncIO

/// Three workers that append to one list without getting between each other.
func lockExample() async throws {
    let lock = Lock()
    let list = List()
    try await gather((1...3)) { _ in try await work(on: list, under: lock) }
    print(list.numbers)
}

/// What the workers share: one thread runs them all, so that it needs no protection
/// but the lock, and that only across awaits.
final class List {
    var numbers: [Int] = []
}

private func work(on list: List, under lock: Lock) async throws {
    try await lock.withLock {
        for number in 1...3 {
            list.numbers.append(number)
            try await sleep(.zero)
        }
    }
}
