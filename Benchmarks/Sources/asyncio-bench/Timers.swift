import AsyncIO

/// Timers that are cancelled before they fire. One operation: one timer created and cancelled.
func timers(_ count: Int, batch: Int) async throws {
    let loop = try EventLoop.running
    let measure = Measure()
    var done = 0
    while done < count {
        let timers = try (done..<done + batch).map { index in
            try loop.callLater(.milliseconds(10_000 + index * 7919 % 50_000)) {}
        }
        for timer in timers { timer.cancel() }
        done += batch
        try await sleep(.zero)
    }
    measure.report("timers", operations: done)
}
