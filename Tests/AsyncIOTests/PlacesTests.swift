import AsyncIO
import AsyncIOTesting
import Testing

/// The places at which tasks wait, by file and line. (`.ci/run` also runs the program as a release
/// build, where functions are split into parts.)
@Suite(.eventLoop)
struct PlacesTests {
    @Test func everyTaskIsWhereTheProgramSaysItIs() async throws {
        let outcome = try await toThread { try LiveProgram.run("places-program", []) }
        #expect(outcome.output == "10 places, all right\n", "\(outcome.output)\(outcome.error)")
        #expect(outcome.status == 0)
    }

    /// Symbolization happens on demand, but the place is that of the capture.
    @Test func aGraphKeepsWhereATaskWas() async throws {
        let (first, second) = (Event(), Event())
        let line = #line + 2
        let task = createTask(name: "moving") {
            try await first.wait()
            try await second.wait()
        }
        try await sleep(.zero)
        let graph = try #require(try captureCallGraph(task))
        first.set()
        try await sleep(.zero)
        try await sleep(.zero)
        let later = try #require(try captureCallGraph(task))
        second.set()
        try await task.value
        #expect(graph.callStack.first?.line == line)
        #expect(later.callStack.first?.line == line + 1)
    }

    @Test func aGraphInWordsIsPrintable() async throws {
        let task = createTask(name: "a\u{1B}[31m\nb") { try await sleep(.seconds(60)) }
        try await sleep(.zero)
        let text = try formatCallGraph(task)
        #expect(text.contains("Task(name=\"a\\u{1B}[31m\\nb\""), "\(text)")
        #expect(!text.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
        task.cancel()
    }
}
