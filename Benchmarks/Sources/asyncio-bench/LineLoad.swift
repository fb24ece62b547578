import AsyncIO

/// The client of a line server: each connection sends a line, checks the answer, and repeats. One operation: one
/// request. The clocks start when every connection is open.
func lineLoad(port: Int, connections: Int, for duration: Duration) async throws {
    raiseDescriptorLimit()
    let line = Array("The quick brown fox jumps over the lazy dog, and back again.\n".utf8)
    let streams = try await gather(
        (0..<connections).map { _ in
            createTask { try await openConnection(host: "127.0.0.1", port: port) }
        })
    let measure = Measure()
    let end = ContinuousClock.now + duration
    let counts = try await gather(
        streams.map { reader, writer in
            createTask {
                defer { writer.close() }
                var count = 0
                while ContinuousClock.now < end {
                    try await writer.write(line)
                    guard try await reader.readLine() == line else { throw RuntimeError("wrong answer") }
                    count += 1
                }
                return count
            }
        })
    measure.report("lineload", operations: counts.reduce(0, +))
}
