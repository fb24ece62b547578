import AsyncIO

func condition() async throws {
    let stock = Stock()
    let consumers = (0..<2).map { number in createTask { try await consume(number, stock) } }
    let producer = createTask { try await produce(stock) }
    try await gather(consumers + [producer])
    say("Left over: \(stock.items)")
}

private final class Stock {
    let condition = Condition()
    var items: [Int] = []
}

private func produce(_ stock: Stock) async throws {
    for item in 0..<3 {
        try await sleep(.seconds(0.5))
        try await stock.condition.withLock {
            say("Produced item \(item)")
            stock.items.append(item)
            try stock.condition.notify()
        }
    }
}

private func consume(_ number: Int, _ stock: Stock) async throws {
    try await stock.condition.withLock {
        say("Consumer \(number) waiting")
        try await stock.condition.wait { !stock.items.isEmpty }
        say("Consumer \(number) consumed item \(stock.items.removeFirst())")
    }
}
