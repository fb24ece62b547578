import AsyncIO

func generator() async throws {
    for try await number in countdown(from: 3) { say("Got \(number)") }

    var numbers: [Int] = []
    for try await number in countdown(from: 5) where number.isMultiple(of: 2) { numbers.append(number) }
    say("Collected: \(numbers)")
}

private func countdown(from start: Int) -> AsyncGenerator<Int> {
    AsyncGenerator { yield in
        for number in (1...start).reversed() {
            try await yield(number)
            try await sleep(.seconds(0.5))
        }
    }
}
