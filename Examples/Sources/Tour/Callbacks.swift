import AsyncIO

func callbacks() async throws {
    let dividend = createTask { try await divide(84, by: 2) }
    dividend.addDoneCallback(report)
    let error = createTask { try await divide(1, by: 0) }
    error.addDoneCallback(report)
    try await wait([dividend, error])
    say("Main task done")
}

private func divide(_ dividend: Int, by divisor: Int) async throws -> Int {
    try await sleep(.seconds(1))
    guard divisor != 0 else { throw ValueError("division by zero") }
    return dividend / divisor
}

private func report(_ task: AsyncTask<Int>) {
    do {
        say("Callback got result: \(try task.result())")
    } catch {
        say("Callback got error: \(error)")
    }
}
