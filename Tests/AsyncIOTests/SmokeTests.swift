import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct SmokeTests {
    @Test func anHourPassesAtOnce() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        try await sleep(.seconds(3600))
        #expect(loop.now - start == .seconds(3600))
        try await Task.sleep(for: .seconds(3600))
        #expect(loop.now - start == .seconds(7200))
    }
}
@Test func realTimeRuns() async throws {
    try await sleep(.milliseconds(1))
    #expect(EventLoop.current != nil)
}
