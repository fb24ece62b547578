import AsyncIO
import AsyncIOTesting
import Testing

/// Replays the inputs with which fuzzing reached something new in the stream parsers.
@Suite(.virtualTime) struct StreamFuzzTests {
    @Test func readerAndModelAgreeOnTheCorpus() async throws {
        let inputs = try Corpus("streams").inputs
        #expect(inputs.count > 20)
        for input in inputs {
            if let words = try await disagreement(on: input) { Issue.record("\(input): \(words)") }
        }
    }
}
