import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Foundation
import Testing

/// Inspection of a loop of its own and the loop of the process.
@Suite(.eventLoop, .serialized)
struct LoopInspectionTests {
    /// A part of an answer.
    nonisolated struct Answer: Decodable {
        var loops: [Loop]?
        var error: String?

        struct Loop: Decodable {
            var id: UInt32
            var name: String
            var blocked: Blocked?
            var tasks: [Task]?
            var deadlocks: [[UInt64]]?
        }

        struct Blocked: Decodable { var task: String? }

        struct Task: Decodable {
            var id: UInt64
            var name: String
            var awaitedBy: [UInt64]
            var stack: [Frame]
        }

        struct Frame: Decodable { var function: String }

        func loop(_ name: String) throws -> Loop { try #require(loops?.first { $0.name == name }) }
    }

    func answer(to request: String) async throws -> Answer {
        let text = try await toThread { InspectionServer.shared.answer(to: request) }
        return try JSONDecoder().decode(Answer.self, from: Data(text.utf8))
    }

    /// Runs `body` with a loop that no other test has, on which the task "outer" waits for "inner". The main
    /// loop has a task "here" meanwhile.
    private func withLoops(_ body: (_ io: EventLoopThread, _ main: String) async throws -> Void) async throws {
        let io = try EventLoopThread(name: "inspected")
        let here = createTask(name: "here") { try await sleep(.seconds(3_600)) }
        defer { here.cancel() }
        try await io.run { _ in
            createTask(name: "outer") {
                try await createTask(name: "inner") { try await sleep(.seconds(3_600)) }.value
            }
            while allTasks().count < 3 { try await sleep(.zero) }
            try await sleep(.zero)
        }
        do { try await body(io, try EventLoop.running.name) } catch {
            try await io.shutDown()
            throw error
        }
        try await io.shutDown()
    }

    @Test func eachLoopAnswersForItself() async throws {
        try await withLoops { _, main in
            let answer = try await answer(to: "stacks")
            let io = try answer.loop("inspected")
            let tasks = try #require(io.tasks)
            #expect(tasks.map(\.name) == ["outer", "inner"])
            #expect(tasks.map(\.awaitedBy) == [[], [tasks[0].id]])
            #expect(tasks.allSatisfy { !$0.stack.isEmpty } && io.blocked == nil && io.deadlocks == [])
            let others = try #require(answer.loop(main).tasks)
            #expect(others.contains { $0.name == "here" } && !others.contains { $0.name == "inner" })
        }
    }

    @Test func aRequestCanNameLoopsAndTheirTasks() async throws {
        try await withLoops { _, main in
            let loops = try await answer(to: "loops")
            #expect(try loops.loop(main).tasks == nil)
            let id = try loops.loop("inspected").id
            let all = try await answer(to: "stacks \(id)")
            #expect(all.loops?.map(\.name) == ["inspected"])
            #expect(try #require(all.loops?[0].tasks).allSatisfy { !$0.stack.isEmpty })
            let inner = try #require(all.loops?[0].tasks?.last)
            let one = try await answer(to: "stacks \(id):\(inner.id)")
            #expect(one.loops?[0].tasks?.filter { !$0.stack.isEmpty }.map(\.name) == ["inner"])
            #expect(try await answer(to: "stacks \(id):,x").loops?[0].tasks?.map(\.stack.count) == [0, 0])
            #expect(try await answer(to: "tasks \(id)").loops?[0].tasks?.map(\.stack.count) == [0, 0])
            #expect(try await answer(to: "stacks 0").error == "the event loop has ended")
            for request in ["", "stack", "stacks x", "stacks :1", "stacks -1"] {
                #expect(try await answer(to: request).error == "unknown request: \(request)")
            }
        }
    }

    @Test func aBlockedLoopIsReportedWhileTheOthersAnswer() async throws {
        try await withLoops { io, main in
            let (began, gate) = (ThreadGate(), ThreadGate())
            let blocked = io.submit(name: "busy") { _ in
                began.open()
                gate.wait()
            }
            try await toThread { began.wait() }
            let answer = try await answer(to: "stacks")
            gate.open()
            try await blocked.value
            #expect(try answer.loop("inspected").blocked?.task == "busy")
            #expect(try answer.loop("inspected").tasks == nil)
            #expect(try #require(answer.loop(main).tasks).contains { $0.name == "here" })
        }
    }
}
