import AsyncIO

/// Tasks that take turns holding one lock, and yield while they hold it. One operation: the lock is acquired, the task
/// yields, and the lock is released.
func lock(tasks: Int, total: Int) async throws {
    let each = total / tasks
    let lock = Lock()
    var held = 0
    let measure = Measure()
    try await gather(
        (0..<tasks).map { _ in
            createTask {
                for _ in 0..<each {
                    try await lock.withLock {
                        held += 1
                        try await sleep(.zero)
                    }
                }
            }
        })
    measure.report("lock", operations: held)
}
