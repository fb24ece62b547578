import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct CatchingTests {
    @Test func aBodyWithoutErrorsReturnsItsValue() async throws {
        let value = try await catching(Boom.self) {
            42
        } handler: { _ in
            Issue.record("handled")
        }
        #expect(value == 42)
    }

    @Test func errorsOfTheTypeAreHandledTogetherAndTheOthersThrown() async throws {
        var handled: [Boom] = []
        let inner = ExceptionGroup("inner", [Boom(2), ValueError("left")])
        let error = await #expect(throws: ExceptionGroup.self) {
            try await catching(Boom.self) {
                throw ExceptionGroup("outer", [Boom(1), inner, Boom(3)])
            } handler: {
                handled = $0
            }
        }
        #expect(handled == [Boom(1), Boom(2), Boom(3)])
        #expect(error?.message == "outer")
        #expect(error?.flattened.map { "\($0)" } == ["left"])
    }

    @Test func aGroupThatIsHandledCompletelyIsOver() async throws {
        var handled: [Boom] = []
        try await catching(Boom.self) {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw Boom(1) }
                try group.createTask { throw Boom(2) }
            }
        } handler: {
            handled = $0
        }
        #expect(handled == [Boom(1), Boom(2)])
    }

    @Test func anErrorThatIsNotInAGroupIsHandledToo() async throws {
        var handled: [Boom] = []
        let value: Int? = try await catching(Boom.self) {
            throw Boom(1)
        } handler: {
            handled = $0
        }
        #expect(value == nil)
        #expect(handled == [Boom(1)])
        await #expect(throws: ValueError.self) {
            try await catching(Boom.self) {
                throw ValueError("other")
            } handler: { _ in
                Issue.record("handled")
            }
        }
    }

    @Test func aGroupWithoutTheTypeIsThrownAsItIs() async throws {
        let error = await #expect(throws: ExceptionGroup.self) {
            try await catching(Boom.self) {
                throw ExceptionGroup("group", [ValueError("a")])
            } handler: { _ in
                Issue.record("handled")
            }
        }
        #expect(error?.message == "group")
    }

    @Test func anErrorOfTheHandlerJoinsThoseThatAreLeft() async throws {
        let error = await #expect(throws: ExceptionGroup.self) {
            try await catching(Boom.self) {
                throw ExceptionGroup("group", [Boom(1), ValueError("left")])
            } handler: { _ in
                throw RuntimeError("worse")
            }
        }
        #expect(error?.errors.map { "\($0)" } == ["worse", "left"])
        await #expect(throws: RuntimeError.self) {
            try await catching(Boom.self) {
                throw ExceptionGroup("group", [Boom(1)])
            } handler: { _ in
                throw RuntimeError("worse")
            }
        }
    }

    @Test func severalTypesAreCaughtByNesting() async throws {
        var log: [String] = []
        try await catching(ValueError.self) {
            try await catching(Boom.self) {
                throw ExceptionGroup("group", [Boom(1), ValueError("a")])
            } handler: {
                log += $0.map(\.description)
            }
        } handler: {
            log += $0.map(\.description)
        }
        #expect(log == [Boom(1).description, "a"])
    }

    @Test func aCancellationIsNeverCaught() async throws {
        let task = createTask {
            try await catching((any Error).self) {
                try await sleep(.seconds(60))
            } handler: { _ in
                Issue.record("handled")
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
