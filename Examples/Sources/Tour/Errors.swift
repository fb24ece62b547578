import AsyncIO

func errors() async throws {
    for result in try await gatherResults(0..<3, operate) {
        switch result {
        case .success(let value): say("Result: \(value)")
        case .failure(let error): say("Error: \(error)")
        }
    }
}

private func operate(_ number: Int) async throws -> String {
    say("Starting operation \(number)")
    try await sleep(.seconds(1))
    if number == 2 { throw ValueError("Error in operation \(number)") }
    return "Result \(number)"
}
