import AsyncIO

/// A given number of tasks that all sleep at the same time. One operation: one task.
func sleepers(_ count: Int, for duration: Duration) async throws {
    let base = peakMemory()
    let measure = Measure()
    let tasks = (0..<count).map { _ in createTask { try await sleep(duration) } }
    for task in tasks { try await task.value }
    let seconds = duration / .seconds(1)
    measure.report(
        "sleepers", operations: count,
        ["seconds": seconds, "base_kb": Double(base), "hwm_kb": Double(peakMemory())])
}
