import AsyncIO
import AsyncIOTesting
import Testing

/// The line that calls this.
func here(_ line: Int = #line) -> Int { line }

@Suite(.virtualTime)
struct CallGraphTests {
    var file: String { #filePath }

    func inner(_ event: Event) async throws { try await event.wait() }

    func outer(_ event: Event) async throws {
        try await inner(event)
    }

    @Test func aTaskTellsTheFunctionsItIsSuspendedIn() async throws {
        let event = Event()
        let task = createTask(name: "worker") {
            try await outer(event)
        }
        #expect(task.stack.isEmpty)
        try await settle()
        let stack = task.stack
        try #require(stack.count == 3)
        #expect(
            stack.map(\.function) == [
                "inner(_:)", "outer(_:)", "closure #1 in CallGraphTests.aTaskTellsTheFunctionsItIsSuspendedIn()",
            ])
        for frame in stack { print(frame) }
        #expect(stack.allSatisfy { $0.file == file && $0.isAsync })
        event.set()
        try await task.value
        #expect(task.stack.isEmpty)
    }

    @Test func theCurrentTaskTellsWhereItIs() async throws {
        for frame in currentTask()?.stack ?? [] { print("current:", frame) }
        try await withTimeout(.seconds(3)) { _ in
            try await withAsyncTaskGroup { _ in
                for frame in currentTask()?.stack ?? [] { print("scope:", frame) }
            }
        }
        let event = Event()
        let task = createTask(name: "worker") {
            try await withTimeout(.seconds(3)) { _ in
                try await withAsyncTaskGroup { _ in
                    try await outer(event)
                }
            }
        }
        let t2 = createTask { try await task.value }
        try await settle()
        print(try formatCallGraph(task))
        for frame in task.stack { print("scope:", frame) }
        t2.cancel()
        try await wait([t2])
    }
}
