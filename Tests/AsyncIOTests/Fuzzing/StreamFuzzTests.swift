import AsyncIO
import AsyncIOTesting
import Testing

/// The inputs that fuzzing found to reach something new in the stream parsers, once more.
@Suite(.virtualTime) struct StreamFuzzTests {
    @Test func readerAndModelAgreeOnTheCorpus() async throws {
        let inputs = try Corpus("streams").inputs
        #expect(inputs.count > 20)
        for input in inputs {
            if let words = try await disagreement(on: input) { Issue.record("\(input): \(words)") }
        }
    }
}
