import AsyncIO

/// Tasks that do nothing but give way to each other. One operation: one yield to the loop.
func switching(tasks: Int, total: Int) async throws {
    let each = total / tasks
    let measure = Measure()
    try await gather(
        (0..<tasks).map { _ in
            createTask { for _ in 0..<each { try await sleep(.zero) } }
        })
    measure.report("switch", operations: each * tasks)
}
