import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop) struct TerminationStatusTests {
    @Test func aStatusIsTheOneThatTheProcessExitedWith() async throws {
        for status: Int32 in [0, 1, 255] {
            let process = try await createSubprocess(shell: "exit \(status)")
            #expect(process.terminationStatus == nil)
            #expect(try await process.wait() == status)
            #expect(process.terminationStatus == .exited(status))
            #expect(process.terminationStatus?.isSuccess == (status == 0))
        }
    }

    @Test func aSignalIsNamedInsteadOfANegativeNumber() async throws {
        let process = try await createSubprocess("sleep", arguments: ["60"])
        try process.kill()
        #expect(try await process.wait() == -9)
        #expect(process.terminationStatus == .signaled(.kill))
        #expect(process.terminationStatus?.description == "was ended by SIGKILL")
        #expect(process.terminationStatus?.isSuccess == false)
    }
}

@Suite(.virtualTime) struct AnyTaskCallbackTests {
    @Test func aCallbackOfTasksWithDifferentValuesIsCalledInTheOrderOfTheirEnds() async throws {
        var ended: [String?] = []
        let tasks: [AnyAsyncTask] = [
            createTask(name: "text") {
                try await sleep(.seconds(2))
                return "text"
            },
            createTask(name: "number") {
                try await sleep(.seconds(1))
                return 1
            },
            createTask(name: "failing") { throw ValueError("failed") },
        ]
        for task in tasks { task.addDoneCallback { ended.append($0.name) } }
        let token = tasks[0].addDoneCallback { _ in ended.append("removed") }
        #expect(tasks[0].removeDoneCallback(token) == 1)
        #expect(tasks[0].removeDoneCallback(token) == 0)
        try await sleep(.seconds(3))
        #expect(ended == ["failing", "number", "text"])
        #expect(try tasks[2].error() is ValueError)
        tasks[1].addDoneCallback { _ in ended.append("at once") }
        try await sleep(.zero)
        #expect(ended.last == "at once")
    }

    @Test func aCallbackOfATypedTaskStillGetsItsValue() async throws {
        var value = 0
        let task = createTask { 7 }
        task.addDoneCallback { value = try $0.result() }
        try await sleep(.milliseconds(1))
        #expect(value == 7)
    }
}
