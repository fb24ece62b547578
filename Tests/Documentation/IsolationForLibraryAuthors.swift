// The code of Sources/AsyncIO/AsyncIO.docc/IsolationForLibraryAuthors.md. The libraries are in the
// folder Isolation; each is a module with the settings that its section is about.

import AsyncIO
import AsyncIOTesting
import MainActorLibrary
import PlainLibrary
import Swift5Library
import Testing

actor Warehouse {
    private let queue = Queue<Int>()

    func restock() async throws -> [Int] {
        for number in 1...3 { try queue.putNoWait(number) }
        return try await drain(queue) // runs on this actor
    }
}

@Suite(.virtualTime) struct IsolationForLibraryAuthors {
    @Test func functionsOfAModuleWithDefaultIsolationShareObjectsWithTheirCallers() async throws {
        let queue = Queue<Int>()
        let filling = createTask { try await fill(queue) }
        #expect(try await queue.takeTwo() == 3)
        try await filling.value
        #expect(queue.count == 1)
        let stock = Stock()
        try await gather(1...4) { number in try await stock.add(number) }
        #expect(stock.count == 10)
    }

    @Test func nonsendingFunctionsRunOnTheActorOfTheirCaller() async throws {
        #expect(try await Warehouse().restock() == [1, 2, 3])
        let queue = Queue<Int>()
        try queue.putNoWait(7)
        #expect(try await createTask { try await drain(queue) }.value == [7])
    }

    @Test func aModuleInSwift5ModeSharesObjectsWithItsCallers() async throws {
        let queue = Queue<Int>()
        let ticking = tick(queue, times: 3)
        try await ticking.value
        #expect(queue.count == 3)
    }
}

@Test(.eventLoop) func aServerOfAModuleWithoutDefaultIsolationAnswers() async throws {
    let server = try await startEcho(port: 0)
    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
    try await writer.write("hello\n")
    var lines = reader.lines.makeAsyncIterator()
    #expect(try await lines.next() == "hello")
    writer.close()
    try await server.shutdown(within: .seconds(1))
}
