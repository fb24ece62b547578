import AsyncIO

/// One task fills a mailbox, and another task empties it.
func messages(_ count: Int) async throws {
    let mailbox = Mailbox<Int>(maxSize: 1_024)
    let measure = Measure()
    try await gather(
        { for item in 0..<count { try await mailbox.put(item) } },
        {
            for item in 0..<count {
                guard try await mailbox.get() == item else { throw RuntimeError("wrong item") }
            }
        })
    measure.report("mailbox", operations: count)
}
