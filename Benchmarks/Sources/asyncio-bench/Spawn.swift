import AsyncIO

/// Tasks that end at once, a batch at a time. One operation: one task started, run, and awaited.
func spawn(_ count: Int, batch: Int) async throws {
    let measure = Measure()
    var done = 0
    while done < count {
        let tasks = (0..<batch).map { _ in createTask {} }
        for task in tasks { try await task.value }
        done += batch
    }
    measure.report("spawn", operations: done)
}
