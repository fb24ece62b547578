import AsyncIO

/// Two tasks and two queues of one item. One operation: one round trip, which is two puts and two gets.
func pingPong(_ count: Int) async throws {
    let there = Queue<Int>(maxSize: 1)
    let back = Queue<Int>(maxSize: 1)
    let measure = Measure()
    try await gather(
        { for _ in 0..<count { try await back.put(try await there.get()) } },
        {
            for item in 0..<count {
                try await there.put(item)
                guard try await back.get() == item else { throw RuntimeError("wrong item") }
            }
        })
    measure.report("pingpong", operations: count)
}
