/// The base class of pooled connections of any type.
@usableFromInline
class AnyPooledConnection {
    /// The time on the loop's clock at which the connection is closed if it is still idle.
    fileprivate(set) var deadline: Int64 = 0

    func close() {}
}

@usableFromInline
final class PooledConnection<Connection>: AnyPooledConnection {
    @usableFromInline let connection: Connection
    private let discard: (Connection) -> Void

    init(_ connection: Connection, _ discard: @escaping (Connection) -> Void) {
        self.connection = connection
        self.discard = discard
    }

    @usableFromInline override func close() { discard(connection) }
}

/// The state of a ``ConnectionPool``: its idle connections and its places. Each connection that is in use or being
/// opened occupies a place. Use this type only on the loop's thread.
@usableFromInline
final class PoolState {
    private let slots: Slots
    private let idleTime: Duration
    /// The idle connections in the order of their last use. The last connection in the array was used most recently.
    @safe @exclusivity(unchecked) private var idle: [AnyPooledConnection] = []
    private var timer: TimerHandle?
    @safe @exclusivity(unchecked) private(set) var isClosed = false
    @safe @exclusivity(unchecked) private(set) var usedCount = 0

    init(size: Int, idleTime: Duration) {
        slots = Slots(size)
        self.idleTime = idleTime
    }

    deinit {
        timer?.cancel()
        for one in idle { one.close() }
    }

    var idleCount: Int { idle.count }

    // MARK: Places

    /// Takes a place if a place is free. Returns whether a place was taken.
    @usableFromInline
    func beginNoWait() throws(RuntimeError) -> Bool {
        try checkOpen()
        guard slots.takeNoWait() else { return false }
        usedCount += 1
        return true
    }

    /// Waits until a place is free, and takes the place.
    @usableFromInline
    func begin(_ pool: AnyObject) async throws {
        try await slots.take(for: "ConnectionPool.withConnection()", on: pool)
        usedCount += 1
    }

    @usableFromInline
    func end() {
        usedCount -= 1
        slots.release()
    }

    // MARK: Connections

    /// Removes and returns the idle connection that was used most recently, or returns nil if no connection is idle.
    @usableFromInline
    func takeIdle() throws(RuntimeError) -> AnyPooledConnection? {
        try checkOpen()
        return idle.popLast()
    }

    @usableFromInline
    func keep(_ connection: AnyPooledConnection) {
        if isClosed { return connection.close() }
        let loop = EventLoop.required(for: "ConnectionPool")
        connection.deadline = loop.time.advanced(by: idleTime)
        idle.append(connection)
        if timer == nil { dropLater(on: loop) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        // The waiting tasks find that the pool is closed, and do not wait for the connections in use.
        slots.release(slots.line.waiters.count { !$0.isDone })
        dropIdle { _ in true }
    }

    private func checkOpen() throws(RuntimeError) {
        if isClosed { throw RuntimeError("the connection pool is closed") }
    }

    /// Starts a timer that closes connections when they have been idle for too long. The timer runs only while the pool
    /// has idle connections.
    private func dropLater(on loop: EventLoop) {
        timer = nil
        guard let first = idle.first else { return }
        timer = loop.schedule(
            .callback { [weak self, unowned loop] in
                self?.dropIdle { $0.deadline <= loop.time }
                self?.dropLater(on: loop)
            }, at: first.deadline)
    }

    private func dropIdle(where isOver: (AnyPooledConnection) -> Bool) {
        // The list changes before the program's code runs.
        let over = idle.filter(isOver)
        idle.removeAll(where: isOver)
        if idle.isEmpty {
            timer?.cancel()
            timer = nil
        }
        for one in over { one.close() }
    }
}
