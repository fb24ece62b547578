import Testing

@testable import AsyncIORedis

@Suite struct ParserFuzzTests {
    /// Random streams, damaged or not, in random pieces. `Tests/Fuzz` runs the same for longer.
    @Test func randomBytesNeverStopTheProgram() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 { try ParserModel.run(&generator) }
    }
}
