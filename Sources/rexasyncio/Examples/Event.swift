import AsyncIO

/// Runs three workers that wait for a start signal and then take turns.
func eventExample() async throws {
    let event = Event()
    let list = List()
    let workers = (1...3).map { _ in createTask { try await work(on: list, after: event) } }
    try await sleep(.seconds(3))
    event.set()
    try await gather(workers)
    print(list.numbers)
}

private func work(on list: List, after event: Event) async throws {
    try await event.wait()
    for number in 1...3 {
        list.numbers.append(number)
        try await sleep(.zero)
    }
}
