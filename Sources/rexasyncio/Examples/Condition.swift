import AsyncIO

/// Runs a producer that adds five numbers to a list, and a consumer that stops when the list is empty.
func conditionExample() async throws {
    let condition = Condition()
    let data = List()
    try await gather(
        { try await consume(data, condition) },
        { try await produce(data, condition) })
}

private func produce(_ data: List, _ condition: Condition) async throws {
    for number in 1...5 {
        try await condition.withLock {
            data.numbers.append(number)
            print("Producer put \(number)")
            try condition.notify()
        }
        try await sleep(.zero)
    }
}

private func consume(_ data: List, _ condition: Condition) async throws {
    try await condition.withLock {
        try await condition.wait()
        while !data.numbers.isEmpty {
            print("Consumer got \(data.numbers.removeFirst())")
        }
    }
}
