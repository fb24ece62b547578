// An `async` main whose first call of the library is the one that the argument names. Without an
// argument, it prints all names. Each prints its result, and "on the loop" at its end. The code
// after the first wait must be on the process's first thread, where a loop runs.

import AsyncIO
import AsyncIOMain
import Dispatch
import Glibc

@main
enum Program {
    static func main() async throws {
        let home = pthread_self()
        guard let name = CommandLine.arguments.dropFirst().first else {
            for name in calls.map(\.0) { print(name) }
            return
        }
        guard let call = (calls + endings).first(where: { $0.0 == name }) else { fatalError("no such call") }
        try await call.1()
        guard pthread_self() == home, EventLoop.current != nil else { fatalError("elsewhere") }
        print("on the loop")
    }
}

struct Complaint: Error {}
actor Counter {
    private var count = 0
    func next() -> Int {
        count += 1
        return count
    }
}
@MainActor func oneByTask() async throws -> Int { try await createTask { 1 }.value }
func detached() async throws -> Int {
    let task = Task.detached { try await oneByTask() }
    return try await task.value
}
func immediate() async throws -> Int {
    let task = Task.immediate { try await createTask { 1 }.value }
    return try await task.value
}
func onTheMainQueue() async -> Int {
    await withCheckedContinuation { continuation in DispatchQueue.main.async { continuation.resume(returning: 7) } }
}
func runTrue() async throws -> Int32 {
    try await withSubprocess("true", options: SubprocessOptions()) { try await $0.wait() }
}
@concurrent nonisolated func three() async -> Int { 3 }

let calls: [(String, @MainActor () async throws -> Void)] = [
    ("AsyncGenerator", { for try await n in AsyncGenerator<Int>({ y in try await y(1) }) { print(n) } }),
    ("AsyncIO.main", { print(await AsyncIO.main { try await createTask { 1 }.value }) }),
    ("AsyncIO.run", { do { try AsyncIO.run {} } catch is RuntimeError { print("RuntimeError") } }),
    ("Barrier", { print(try await Barrier(1).wait()) }),
    ("BoundedSemaphore", { try await BoundedSemaphore(1).withLock { print("permit") } }),
    (
        "Condition",
        {
            let c = Condition()
            try await c.withLock { try c.notifyAll() }
            print("notified")
        }
    ),
    (
        "Debouncer",
        {
            let event = Event()
            let debouncer = Debouncer(delay: .milliseconds(1)) { event.set() }
            debouncer.call()
            try await event.wait()
            try await debouncer.flush()
        }
    ),
    (
        "Event",
        {
            let e = Event()
            createTask { e.set() }
            try await e.wait()
        }
    ),
    ("DispatchQueue.main", { print(await onTheMainQueue()) }),
    ("EventLoop.current", { print(EventLoop.current == nil ? "none" : "a loop") }),
    ("EventLoop.running", { _ = try EventLoop.running }),
    (
        "Future",
        {
            let f = Future<Int>()
            try f.setResult(1)
            print(try await f.value)
        }
    ),
    (
        "Future.failed",
        {
            let f = Future<Int>()
            try f.setError(Complaint())
            _ = try? await f.value
        }
    ),
    (
        "LIFOQueue",
        {
            let q = LIFOQueue<Int>()
            try await q.put(1)
            print(try await q.get())
        }
    ),
    ("Lock", { try await Lock().withLock { print("locked") } }),
    (
        "PriorityQueue",
        {
            let q = PriorityQueue<Int>()
            try await q.put(1)
            print(try await q.get())
        }
    ),
    (
        "Queue",
        {
            let q = Queue<Int>()
            try await q.put(1)
            print(try await q.get())
        }
    ),
    ("Semaphore", { try await Semaphore(1).withLock { print("permit") } }),
    (
        "StreamReader",
        {
            let r = StreamReader()
            r.feedEOF()
            print(try await r.read().count)
        }
    ),
    ("actor", { print(await Counter().next()) }),
    ("addSignalHandler", { try EventLoop.running.addSignalHandler(.user1) {} }),
    ("allTasks", { print(allTasks().count) }),
    ("asCompleted", { for try await n in asCompleted([createTask { 1 }]) { print(try await n.value) } }),
    (
        "async let",
        {
            async let n = three()
            print(await n)
        }
    ),
    ("callGraph", { print(try formatCallGraph().isEmpty ? "empty" : "a graph") }),
    (
        "callSoon",
        {
            let e = Event()
            try EventLoop.running.callSoon { e.set() }
            try await e.wait()
        }
    ),
    ("concurrentMap", { for try await n in concurrentMap([1, 2], limit: 2, { $0 }) { print(n) } }),
    ("createTask", { print(try await createTask { 1 }.value) }),
    ("createTask eager", { print(try await createTask(eager: true) { 1 }.value) }),
    ("currentTask", { print(currentTask() == nil ? "none" : "a task") }),
    ("gather", { print(try await gather({ 1 }, { 2 })) }),
    ("gather items", { print(try await gather([1, 2]) { $0 }) }),
    ("openFile", { try await openFile("/dev/null").close() }),
    ("openReader", { _ = try? openReader(descriptor: Int32(1000)) }),
    ("race", { print(try await race([1, 2]) { $0 }) }),
    ("readText", { print(try await readText("/proc/self/comm").isEmpty) }),
    ("getAddrInfo", { print(try await EventLoop.running.getAddrInfo(host: "127.0.0.1").isEmpty) }),
    ("retry", { print(try await retry(attempts: 1) { 1 }) }),
    ("shield", { print(try await shield { 1 }) }),
    ("signals", { _ = try signals(.user1) }),
    ("sleep", { try await sleep(.milliseconds(1)) }),
    ("sleep zero", { try await sleep(.zero) }),
    ("sleep until", { try await sleep(until: .now + .milliseconds(1)) }),
    ("startServer", { print(try await startServer(host: "127.0.0.1", port: 0) { _, _ in }.port > 0) }),
    (
        "submit",
        {
            let f = try EventLoop.running.submit { 1 }
            print(try await toThread { try f.wait() })
        }
    ),
    ("Task", { print(try await Task { try await createTask { 1 }.value }.value) }),
    ("Task.detached", { print(try await detached()) }),
    ("Task.immediate", { print(try await immediate()) }),
    (
        "Task.sleep",
        {
            try await Task.sleep(for: .milliseconds(1))
            print(try await createTask { 1 }.value)
        }
    ),
    (
        "Task.yield",
        {
            await Task.yield()
            print(try await createTask { 1 }.value)
        }
    ),
    ("toThread", { print(try await toThread { 1 }) }),
    ("wait", { print(try await wait([createTask { 1 }]).done.count) }),
    ("waitFor", { print(try await waitFor(timeout: .seconds(60)) { 1 }) }),
    (
        "withAsyncTaskGroup",
        { try await withAsyncTaskGroup { group in try group.createTask { print("in group") } } }
    ),
    (
        "withBackgroundTasks",
        { try await withBackgroundTasks { tasks in _ = tasks.createTask { print("background") } } }
    ),
    (
        "withCheckedContinuation",
        {
            await withCheckedContinuation { $0.resume() }
            print(try await createTask { 1 }.value)
        }
    ),
    ("withSubprocess", { print(try await runTrue()) }),
    (
        "withTaskGroup",
        {
            print(
                await withTaskGroup(of: Int.self) {
                    $0.addTask { 1 }
                    return await $0.next() ?? 0
                })
        }
    ),
    ("withTimeout", { print(try await withTimeout(.seconds(60)) { 1 }) }),
]

/// The ways in which such a program can end. They are not in the printed list.
let endings: [(String, @MainActor () async throws -> Void)] = [
    ("throws at once", { throw Complaint() }),
    (
        "throws later",
        {
            try await sleep(.milliseconds(1))
            throw ValueError("no\nsuch thing")
        }
    ),
    (
        "throws beside a task",
        {
            createTask {
                do { try await sleep(.seconds(60)) } catch {
                    try await sleep(.milliseconds(1))
                    print("cleaned up")
                }
            }
            try await sleep(.zero)
            throw Complaint()
        }
    ),
    (
        "exits",
        {
            try await sleep(.zero)
            throw SystemExit(7)
        }
    ),
    ("waits", { try await waitForInterrupt { try await sleep(.seconds(60)) } }),
    ("waits elsewhere", { try await waitForInterrupt { try await Task.sleep(for: .seconds(60)) } }),
    (
        "waits without the library",
        {
            say("ready")
            try await Task.sleep(for: .seconds(60))
        }
    ),
    (
        "swallows",
        {
            // The loop handles Ctrl-C from its first turn on.
            try await sleep(.zero)
            say("ready")
            try? await sleep(.seconds(60))
            print("goes on")
        }
    ),
    (
        "is impatient",
        {
            try await sleep(.zero)
            say("ready")
            try? await sleep(.seconds(60))
            say("ready again")
            while true {}
        }
    ),
    ("AsyncIO.main waits", { await AsyncIO.main(mainThatWaits) }),
    ("AsyncIO.main fails", { await AsyncIO.main { throw Complaint() } }),
    (
        "AsyncIO.main cleans up",
        {
            await AsyncIO.main {
                createTask { do { try await sleep(.seconds(60)) } catch { print("cleaned up") } }
                try await sleep(.zero)
            }
        }
    ),
    ("AsyncIO.main elsewhere", { await AsyncIO.main(backend: .ioUring) {} }),
    (
        "a callback interrupts",
        {
            try EventLoop.running.callSoon { throw KeyboardInterrupt() }
            try await sleep(.seconds(60))
        }
    ),
]

func mainThatWaits() async throws { try await waitForInterrupt { try await sleep(.seconds(60)) } }

nonisolated func say(_ line: String) {
    print(line)
    fflush(nil)
}

/// Waits, together with a task that cleans up.
func waitForInterrupt(_ wait: @escaping () async throws -> Void) async throws {
    createTask {
        do { try await sleep(.seconds(60)) } catch {
            try await sleep(.milliseconds(1))
            print("the other has cleaned up")
        }
    }
    try await sleep(.zero)
    do {
        say("ready")
        try await wait()
    } catch is CancellationError {
        print("cancelled")
        throw CancellationError()
    }
}
