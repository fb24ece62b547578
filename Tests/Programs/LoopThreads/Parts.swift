import AsyncIO
import Glibc

/// The calling thread's name.
func threadName() -> String { Threads.name(at: "/proc/thread-self/comm") ?? "" }

enum Threads {
    /// How many of this process's threads have the name.
    static func count(named name: String) -> Int {
        guard let entries = opendir("/proc/self/task") else { return -1 }
        defer { closedir(entries) }
        var count = 0
        while let entry = readdir(entries) {
            let thread = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if self.name(at: "/proc/self/task/\(thread)/comm") == name { count += 1 }
        }
        return count
    }

    static func name(at path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, 64, file) != nil else { return nil }
        return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

// MARK: Everything on one loop

actor Shard {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    var calls = 0

    init(on io: EventLoopThread) { self.io = io }

    func call() -> Int {
        calls += 1
        return calls
    }

    func isOnItsLoop() -> Bool { EventLoop.current === io.loop }

    func wait() async throws { try await sleep(.seconds(60)) }

    func everything() async throws {
        func check(_ what: String, _ isRight: Bool) { print(what, isRight && EventLoop.current === io.loop) }
        check("thread", threadName() == "shard")
        check("toThread", try await toThread { (1...1000).reduce(0, +) } == 500_500)
        let sort = try await createSubprocess("sort", arguments: ["-n"], stdin: .pipe, stdout: .pipe)
        check("subprocess", try await sort.communicate("10\n9\n").0 ?? [] == Array("9\n10\n".utf8))
        let path = "/tmp/asyncio-loop-thread-\(getpid())"
        try await writeFile(path, "hello file")
        check("file", try await readText(path) == "hello file")
        unlink(path)
        check("gather", try await gather([3, 1, 2], after) == [3, 1, 2])
        let task = createTask { try await sleep(.seconds(50)) }
        try await sleep(.milliseconds(1))
        task.cancel("enough")
        do { try await task.value } catch { check("cancelled", error is CancellationError) }
        var yielded: [Int] = []
        let generator = AsyncGenerator<Int> { yield in for number in 0..<3 { try await yield(number) } }
        for try await number in generator { yielded.append(number) }
        check("generator", yielded == [0, 1, 2])
        do {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw ValueError("bad") }
                try group.createTask { try await sleep(.seconds(9)) }
            }
        } catch { check("group", error is ExceptionGroup) }
        do {
            try await withTimeout(.milliseconds(10)) { try await Task.sleep(for: .seconds(5)) }
        } catch { check("timeout", error is TimeoutError) }
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        Task.detached {
            for number in 0..<5 { continuation.yield(number) }
            continuation.finish()
        }
        var sum = 0
        for await number in stream { sum += number }
        check("AsyncStream", sum == 10)
        let lock = Lock()
        let plain = Task {
            try await lock.withLock {
                try await sleep(.milliseconds(1))
                return EventLoop.current === io.loop
            }
        }
        check("plain task", try await plain.value)
        check("race", try await race([30, 1, 20], after) == 1)
        // A task that a synchronous closure without isolation starts.
        let tasks = await helper()
        var values: [Int] = []
        for task in tasks { values.append(try await task.value) }
        check("closure", values == [0, 1, 2])
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await line in reader.lines { try await writer.write("\(line)!\n") }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write("hello\n")
        check("server", try await reader.readTextLine() == "hello!")
        writer.close()
        try await server.shutdown(within: .seconds(5))
        let serving = createTask {
            let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
            return try await server.serve(until: .user2, grace: .seconds(5)) { kill(getpid(), SIGUSR2) }
        }
        check("serve", try await serving.value == 0)
    }
}

func after(_ milliseconds: Int) async throws -> Int {
    try await sleep(.milliseconds(milliseconds))
    return milliseconds
}

/// Belongs to no actor.
nonisolated func helper() async -> [AsyncTask<Int>] {
    (0..<3).map { number in
        createTask {
            try await sleep(.milliseconds(1))
            return number
        }
    }
}

func everything() async throws {
    let io = try EventLoopThread(name: "shard")
    try await Shard(on: io).everything()
    await MainActor.run { print("main actor is free", EventLoop.current == nil) }
    try await io.shutDown(within: .seconds(10))
    let threads = Threads.count(named: "shard")
    print("threads left", threads)
}

// MARK: Order

func order() async throws {
    let io = try EventLoopThread(name: "io")
    let text = try await io.run { _ in
        var log: [String] = []
        let first = createTask {
            log.append("a1")
            try await sleep(.zero)
            log.append("a2")
            try await sleep(.zero)
            log.append("a3")
        }
        let second = createTask {
            log.append("b1")
            try await sleep(.zero)
            log.append("b2")
        }
        try EventLoop.running.callSoon { log.append("soon") }
        log.append("main")
        try await first.value
        try await second.value
        log.append("end")
        return log.joined(separator: " ")
    }
    print(text)
    try await io.shutDown()
}

// MARK: The end

func lateCalls() async throws {
    let io = try EventLoopThread(name: "io")
    let shard = Shard(on: io)
    print("call", await shard.call())
    try await io.shutDown(within: .seconds(10))
    // The actor still works; nothing on its loop does.
    print("call", await shard.call())
    do { try await shard.wait() } catch { print("wait:", type(of: error)) }
    do { try await io.run { _ in } } catch { print("run:", error) }
    do { try io.loop.callSoonThreadSafe {} } catch { print("callSoonThreadSafe:", error) }
    do { try await io.submit { _ in }.value } catch { print("submit:", error) }
    try await io.shutDown()
}

/// Starts and ends loops while many threads call their actors.
func ends() async throws {
    let rounds = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 100 : 100
    var outcomes = 0
    for round in 0..<rounds {
        let io = try EventLoopThread(name: "io")
        let shard = Shard(on: io)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for _ in 0..<20 {
                        if caller % 2 == 0 {
                            _ = await shard.call()
                        } else {
                            _ = try? await io.run { _ in
                                createTask { try await sleep(.seconds(60)) }
                                try await sleep(.milliseconds(1))
                            }
                        }
                    }
                    return 20
                }
            }
            if round % 3 == 0 { try await Task.sleep(for: .milliseconds(1)) }
            group.addTask {
                try await io.shutDown(within: .seconds(30))
                return 0
            }
            for try await count in group { outcomes += count }
        }
        guard await shard.calls == 80 else { return print("calls were lost:", await shard.calls) }
    }
    print("outcomes", outcomes == rounds * 160)
    // Late calls run on threads of the same name, which end soon.
    while Threads.count(named: "io") > 0 { try await Task.sleep(for: .milliseconds(1)) }
    print("threads left 0")
}

func dropped() async throws {
    let (reports, continuation) = AsyncStream<String>.makeStream()
    do {
        let io = try EventLoopThread(name: "io")
        try await io.run { io in
            io.loop.setExceptionHandler { context in
                continuation.yield(context.message)
                continuation.finish()
            }
        }
    }
    for await report in reports { print(report) }
    // The thread ends soon after.
    while Threads.count(named: "io") > 0 { try await Task.sleep(for: .milliseconds(1)) }
    print("threads left 0")
}

func left() async throws {
    let io = try EventLoopThread(name: "io")
    let (reports, continuation) = AsyncStream<String>.makeStream()
    try await io.run { io in
        io.loop.setExceptionHandler { continuation.yield($0.message) }
        createTask(name: "stubborn") {
            while true { try? await sleep(.seconds(60)) }
        }
    }
    let waiting = Task { try await io.run { _ in while true { try? await sleep(.seconds(60)) } } }
    while await io.taskCount < 2 { await Task.yield() }
    do {
        try await io.shutDown(within: .milliseconds(50))
    } catch {
        print("shutDown:", type(of: error))
    }
    do { _ = try await waiting.value } catch { print("run:", error) }
    continuation.finish()
    var count = 0
    for await report in reports where report == "Task was destroyed but it is pending!" { count += 1 }
    print("reported", count)
}

extension EventLoopThread {
    var taskCount: Int { allTasks().count }
}

// MARK: Threads

func blocking() throws {
    let io = try EventLoopThread(name: "io")
    let answer = try io.wait { _ in
        try await sleep(.milliseconds(1))
        return 42
    }
    print("wait", answer)
    do { _ = try io.wait { _ in throw ValueError("bad") } } catch { print("error:", error) }
    do {
        _ = try io.wait(timeout: .milliseconds(10)) { _ in try await sleep(.seconds(60)) }
    } catch { print("late:", error is TimeoutError) }
    let deadlock = try io.wait { io in
        do { return try io.wait { _ in "nothing" } } catch { return "\(error)" }
    }
    print(deadlock)
    try io.close(within: .seconds(10))
    do { _ = try io.wait { _ in } } catch { print("closed:", error) }
}

func many() async throws {
    let sums = try await withEventLoopThreads(count: 4, name: "loop") { io, index in
        let tasks = (0..<100).map { number in
            createTask {
                try await sleep(.zero)
                return number
            }
        }
        var sum = index * 10_000
        for task in tasks { sum += try await task.value }
        return "\(threadName()) \(sum)"
    }
    for sum in sums { print(sum) }
    do {
        try await withEventLoopThreads(count: 3) { _, index in
            if index == 1 { throw ValueError("bad") }
            try await sleep(.seconds(60))
        }
    } catch { print("first error:", error) }
    let ended = Task {
        try await withEventLoopThreads(count: 2) { _, _ in try await sleep(.seconds(60)) }
    }
    try await Task.sleep(for: .milliseconds(10))
    ended.cancel()
    do { _ = try await ended.value } catch { print("cancelled:", error is CancellationError) }
    do { try await withEventLoopThreads(count: 0) { _, _ in } } catch { print(error) }
}

func signalsOnTwoLoops() async throws {
    let first = try EventLoopThread(name: "first")
    let second = try EventLoopThread(name: "second")
    let (arrivals, continuation) = AsyncStream<String>.makeStream()
    for io in [first, second] {
        try await io.run { io in
            try io.loop.addSignalHandler(.user1) { continuation.yield(io.loop.name) }
        }
    }
    kill(getpid(), SIGUSR1)
    var names: [String] = []
    for await name in arrivals {
        names.append(name)
        if names.count == 2 { break }
    }
    print(names.sorted().joined(separator: " "))
    // The end of one loop leaves the signal to the other one. Only one signal is sent, because a second one could
    // arrive after the end of both, when it ends the process.
    try await first.shutDown()
    let (again, next) = AsyncStream<String>.makeStream()
    try await second.run { io in try io.loop.addSignalHandler(.user1) { next.yield(io.loop.name) } }
    kill(getpid(), SIGUSR1)
    for await name in again {
        print(name)
        break
    }
    try await second.shutDown()
}

// MARK: Inspection

/// Two loops: on "io", a task waits for nothing that will ever come; on "db", two tasks wait for each other. If
/// `isBlocked`, a task on "db" keeps its loop from turning. Runs until a signal ends the process.
func inspected(isBlocked: Bool) async throws {
    let io = try EventLoopThread(name: "io")
    let db = try EventLoopThread(name: "db")
    try await io.run { _ in
        createTask(name: "reader") { try await Queue<Int>().get() }
        try await sleep(.zero)
    }
    try await db.run { _ in
        let (first, second) = (Lock(), Lock())
        for (name, one, other) in [("there", first, second), ("back", second, first)] {
            createTask(name: name) {
                try await one.withLock {
                    try await sleep(.milliseconds(1))
                    try await other.acquire()
                }
            }
        }
        while EventLoop.current?.deadlocks().isEmpty == true { try await sleep(.milliseconds(1)) }
    }
    if isBlocked {
        await withUnsafeContinuation { hasBegun in
            db.submit(name: "busy") { _ in
                hasBegun.resume()
                keepTheThread()
            }
        }
    }
    print("ready")
    fflush(nil)
    try await Task.sleep(for: .seconds(3_600))
    withExtendedLifetime((io, db)) {}
}

func keepTheThread() { while true { pause() } }

// MARK: Mistakes

/// Passes a queue from one loop to another one, past the compiler.
func sharedQueue() async throws {
    struct Smuggled: @unchecked Sendable { let queue: Queue<Int> }
    let first = try EventLoopThread(name: "first", debug: true)
    let second = try EventLoopThread(name: "second", debug: true)
    let smuggled = try await first.run { _ in
        let smuggled = Smuggled(queue: Queue<Int>())
        createTask { try await smuggled.queue.get() }
        try await sleep(.zero)
        return smuggled
    }
    _ = try await second.run { _ in try await smuggled.queue.get() }
}

/// The body of a standard function leaves the actor, because it does not mention it.
func waitOnThePool() async throws {
    let io = try EventLoopThread(name: "io")
    try await io.run { _ in
        try await withThrowingTaskGroup(of: Void.self) { _ in
            try await sleep(.seconds(1))
        }
    }
}
