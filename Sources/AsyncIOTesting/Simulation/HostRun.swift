internal import AsyncIO

// # The host that code belongs to
//
// A host's program is started with a task-local value. The tasks that the program creates inherit this value, and
// callbacks get it when they are scheduled. Therefore, the value identifies the host to which the running code belongs,
// regardless of the caller.

/// One run of a host's program, from its start to its end or its crash.
//
// SAFETY: a task-local value must be Sendable. The properties and methods are used only on the loop's thread. A thread
// that inherits the value does not use it.
final class HostRun: @unchecked Sendable {
    @TaskLocal static var current: HostRun?

    let number: Int
    /// The host, which sets this property when it creates this object.
    unowned var owner: Host?
    var main: AnyAsyncTask?
    private(set) var isDead = false
    /// The identities of the tasks, some of which may have ended.
    private var tasks: Set<UInt64> = []
    private var tidyAt = 256
    /// The ends of connections, by number.
    private(set) var connections: [Int: TCPEnd] = [:]
    /// The number of timers that the program has set with `callLater` or `callAt` and that have not fired.
    private(set) var timerCount = 0
    /// The callbacks that became due while the host was paused.
    private var held: [(callback: () throws -> Void, loop: EventLoop)] = []

    init(number: Int) { self.number = number }

    var host: Host {
        guard let owner else { fatalError("a program runs on no host; this is a bug in swift-asyncio") }
        return owner
    }

    func perform<T>(_ body: () throws -> T) rethrows -> T { try Self.$current.withValue(self, operation: body) }

    // MARK: Tasks

    func add(_ task: AnyAsyncTask, on network: Network) {
        tasks.insert(task.identity)
        guard tasks.count > tidyAt else { return }
        tasks.formIntersection(network.loops.flatMap(\.unfinishedTasks).map(\.identity))
        tidyAt = max(256, tasks.count * 2)
    }

    func contains(_ task: AnyAsyncTask) -> Bool { tasks.contains(task.identity) }

    /// The tasks that have not ended, oldest first on each loop.
    func unfinished(on loops: [EventLoop]) -> [AnyAsyncTask] { loops.flatMap(\.unfinishedTasks).filter(contains) }

    // MARK: Callbacks

    /// Returns a callback that calls `callback` on behalf of this run. The returned callback does nothing if the
    /// program was killed, and it is postponed while the host is paused.
    func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        { [self] in
            if isDead { return }
            if host.isPaused { return held.append((callback, try EventLoop.running)) }
            host.showClock()
            try perform(callback)
        }
    }

    /// Returns a callback like ``bound(_:)``, and counts it as a timer until it is released.
    func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        let timer = CountedTimer(of: self)
        let callback = bound(callback)
        return { try withExtendedLifetime(timer, callback) }
    }

    private final class CountedTimer {
        private let run: HostRun

        init(of run: HostRun) {
            self.run = run
            run.timerCount += 1
        }

        deinit { run.timerCount -= 1 }
    }

    /// Schedules the callbacks that became due while the host was paused.
    func continueHeld() {
        let callbacks = held
        held = []
        for (callback, loop) in callbacks {
            _ = try? loop.inside { try perform { try loop.callSoon(callback) } }
        }
    }

    // MARK: Connections

    func add(_ end: TCPEnd) { connections[end.number] = end }
    func remove(_ end: TCPEnd) { connections[end.number] = nil }

    // MARK: Ending

    /// Ends this run. Afterward, no code of the program runs.
    func die() {
        isDead = true
        held = []
        // The tasks never continue, but they refer to this object and to other memory that is never freed.
        // SAFETY: this call only adds a reference, which is never released.
        _ = unsafe Unmanaged.passRetained(self)
    }
}
