import AsyncIO

/// Runs three workers that append to the same list without interleaving.
func lockExample() async throws {
    let lock = Lock()
    let list = List()
    try await gather((1...3)) { _ in try await work(on: list, under: lock) }
    print(list.numbers)
}

/// The list that the workers share. A single thread runs all of them, so the list needs a lock
/// only across awaits.
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
