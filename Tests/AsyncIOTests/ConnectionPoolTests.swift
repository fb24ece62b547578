import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ConnectionPoolTests {
    /// What a pool does with its connections, which are numbers.
    private final class Backend {
        var log: [String] = []
        var opened = 0
        var broken: Set<Int> = []

        func pool(size: Int = 2, checks: Bool = false) throws -> ConnectionPool<Int> {
            ConnectionPool(size: size, idleTime: .seconds(60)) { [self] in
                try await sleep(.seconds(1))
                opened += 1
                log.append("open \(opened)")
                return opened
            } close: { [self] in
                log.append("close \($0)")
            } check: { [self] in
                guard checks else { return true }
                try await sleep(.seconds(1))
                if $0 == 1 { throw Boom() }
                return !broken.contains($0)
            }
        }
    }

    @Test func aConnectionIsUsedAgain() async throws {
        let backend = Backend()
        let pool = try backend.pool()
        for _ in 0..<3 { #expect(try await pool.withConnection { $0 } == 1) }
        #expect(backend.log == ["open 1"])
        #expect(pool.idleCount == 1 && pool.usedCount == 0)
        #expect(try await turns { try await pool.withConnection { _ in } } == 0)
    }

    @Test func tasksWaitInOrderForOneOfTheMaximum() async throws {
        let pool = try Backend().pool()
        var order: [Int] = []
        let duration = try await time {
            try await gather(0..<6) { number in
                try await pool.withConnection { _ in
                    #expect(pool.usedCount <= 2)
                    order.append(number)
                    try await sleep(.seconds(1))
                }
            }
        }
        #expect(order == [0, 1, 2, 3, 4, 5])
        #expect(duration == .seconds(4))
        #expect(pool.idleCount == 2)
    }

    @Test func theLatestIsUsedFirstAndIdleOnesAreClosed() async throws {
        let backend = Backend()
        let pool = try backend.pool()
        try await gather(0..<2) { _ in try await pool.withConnection { _ in try await sleep(.seconds(1)) } }
        for _ in 0..<4 {
            try await sleep(.seconds(30))
            #expect(try await pool.withConnection { $0 } == 2)
        }
        #expect(backend.log == ["open 1", "open 2", "close 1"])
        try await sleep(.seconds(60))
        #expect(pool.idleCount == 0)
        #expect(try await pool.withConnection { $0 } == 3)
    }

    @Test func anErrorClosesTheConnection() async throws {
        let backend = Backend()
        let pool = try backend.pool()
        await #expect(throws: Boom.self) { try await pool.withConnection { _ in throw Boom() } }
        #expect(backend.log == ["open 1", "close 1"])
        #expect(pool.usedCount == 0)
        #expect(try await pool.withConnection { $0 } == 2)
    }

    @Test func aConnectionThatIsNotHealthyIsReplaced() async throws {
        let backend = Backend()
        let pool = try backend.pool(size: 3, checks: true)
        try await gather(0..<3) { _ in try await pool.withConnection { _ in try await sleep(.seconds(1)) } }
        backend.broken = [3]
        #expect(try await pool.withConnection { $0 } == 2)
        backend.broken = [2, 3]
        // The check of connection 1 throws.
        #expect(try await pool.withConnection { $0 } == 4)
        #expect(backend.log.suffix(4) == ["close 3", "close 2", "close 1", "open 4"])
    }

    @Test func cancellationsLeaveThePoolAsItWas() async throws {
        let backend = Backend()
        let pool = try backend.pool(size: 1, checks: true)
        // While it opens, and while another task waits.
        let opening = createTask { try await pool.withConnection { _ in } }
        let waiting = createTask { try await pool.withConnection { _ in } }
        try await sleep(.milliseconds(1))
        for task in [waiting, opening] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(pool.usedCount == 0)
        _ = try await pool.withConnection { _ in }
        // While it is checked, and while it is used.
        for delay in [0.5, 1.5] {
            let task = createTask { try await pool.withConnection { _ in try await sleep(.seconds(60)) } }
            try await sleep(.seconds(delay))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(pool.usedCount == 0 && pool.idleCount == 0)
        }
    }

    @Test func aFailureToOpenFreesItsPlace() async throws {
        let pool = ConnectionPool<Int>(size: 1) {
            throw Boom()
        } close: { _ in
        }
        for _ in 0..<2 { await #expect(throws: Boom.self) { try await pool.withConnection { _ in } } }
        #expect(pool.usedCount == 0)
    }

    @Test func closingClosesWhatIsIdleAndLaterWhatIsUsed() async throws {
        let backend = Backend()
        let pool = try backend.pool()
        try await gather(0..<2) { _ in try await pool.withConnection { _ in try await sleep(.seconds(1)) } }
        let using = createTask { try await pool.withConnection { _ in try await sleep(.seconds(1)) } }
        try await sleep(.zero)
        pool.close()
        #expect(pool.isClosed)
        #expect(backend.log.last == "close 1")
        try await using.value
        #expect(backend.log.last == "close 2")
        await #expect(throws: RuntimeError.self) { try await pool.withConnection { _ in } }
    }

    @Test(.seeds(30)) func noScheduleExceedsTheSize() async throws {
        let pool = try Backend().pool(size: 3)
        var (using, most) = (0, 0)
        let tasks = (0..<12).map { _ in
            createTask {
                try await pool.withConnection { _ in
                    using += 1
                    most = max(most, using)
                    defer { using -= 1 }
                    try await sleep(.zero)
                }
            }
        }
        for task in tasks.prefix(4) {
            try await sleep(.zero)
            task.cancel()
        }
        _ = try await gatherResults(tasks)
        #expect(most <= 3 && pool.usedCount == 0)
    }

    @Test func badNumbersAreErrors() {
        #expect(throws: ValueError.self) {
            try ConnectionPool<Int>(validatingSize: 0) {
                1
            } close: { _ in
            }
        }
        #expect(throws: ValueError.self) {
            try ConnectionPool<Int>(validatingSize: 1, idleTime: .zero) {
                1
            } close: { _ in
            }
        }
    }

    @Test(.eventLoop) func streamsThatTheServerHasClosedAreNotUsedAgain() async throws {
        var accepted = 0
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            accepted += 1
            while let line = try await reader.readTextLine(), line != "bye" { try await writer.write(line + "\n") }
        }
        try await withServer(server) { server in
            let pool = ConnectionPool.streams(to: .tcp(host: "127.0.0.1", port: server.port))
            func ask(_ line: String) async throws -> String? {
                try await pool.withConnection { reader, writer in
                    try await writer.write(line + "\n")
                    return line == "bye" ? nil : try await reader.readTextLine()
                }
            }
            #expect(try await ask("a") == "a")
            #expect(try await ask("b") == "b")
            #expect(accepted == 1)
            _ = try await ask("bye")
            try await eventually { server.connectionCount == 0 }
            #expect(try await ask("c") == "c")
            #expect(accepted == 2)
            pool.close()
        }
    }

    @Test func tasksThatWaitAreToldThatThePoolIsClosed() async throws {
        let pool = try Backend().pool(size: 1)
        let using = createTask { try await pool.withConnection { _ in try await sleep(.seconds(3_600)) } }
        let waiting = (0..<3).map { _ in createTask { try await pool.withConnection { _ in } } }
        try await sleep(.seconds(2))
        pool.close()
        let duration = try await time {
            for task in waiting { await #expect(throws: RuntimeError.self) { try await task.value } }
        }
        #expect(duration == .zero)
        #expect(pool.usedCount == 1)
        try await using.value
        #expect(pool.usedCount == 0 && pool.idleCount == 0)
    }

    @Test(.eventLoop) func aConnectionOnWhichMoreHasArrivedIsNotUsedAgain() async throws {
        var accepted = 0
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            accepted += 1
            for try await line in reader.lines { try await writer.write("\(line)\nand more\n") }
        }
        try await withServer(server) { server in
            let pool = ConnectionPool.streams(to: .tcp(host: "127.0.0.1", port: server.port))
            for number in 1...3 {
                let answer = try await pool.withConnection { reader, writer in
                    try await writer.write("question \(number)\n")
                    return try await reader.readTextLine()
                }
                #expect(answer == "question \(number)")
                #expect(accepted == number)
            }
            pool.close()
        }
    }
}
