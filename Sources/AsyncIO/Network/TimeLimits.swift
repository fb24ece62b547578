internal import AsyncIOSystem
internal import SystemPackage

/// An object that ends a server's connection when it has been idle or open for too long. Use this type only on the
/// loop's thread.
final class TimeLimits {
    private weak var connection: ByteChannel?
    private let loop: EventLoop
    private let idle: Duration?
    private var activity = 0
    private var activeAt: Int64
    private var timers: [TimerHandle] = []
    /// The task that serves the connection. The task is cancelled when the connection has been open for too long.
    weak var handler: AnyAsyncTask?

    /// Creates the time limits for a connection. Returns nil if no limits are set.
    init?(of connection: ByteChannel, _ options: Server.Options) {
        guard options.idleTimeout != nil || options.totalTimeout != nil else { return nil }
        self.connection = connection
        loop = connection.loop
        idle = options.idleTimeout
        activeAt = loop.time
        if idle != nil { checkLater() }
        guard let total = options.totalTimeout else { return }
        timers.append(
            loop.schedule(
                .callback { [weak self] in
                    self?.end("a connection that has lasted too long")
                    self?.handler?.cancel("the connection has lasted too long")
                }, at: loop.time.advanced(by: total)))
    }

    func cancel() {
        for timer in timers { timer.cancel() }
        timers = []
    }

    private func checkLater() {
        guard let idle else { return }
        let timer = loop.schedule(.callback { [weak self] in self?.check() }, at: loop.time.advanced(by: idle / 4))
        if timers.isEmpty { timers.append(timer) } else { timers[0] = timer }
    }

    private func check() {
        guard let connection, let idle else { return }
        if connection.activity != activity {
            activity = connection.activity
            activeAt = loop.time
        } else if activeAt.advanced(by: idle) <= loop.time {
            return end("a connection that was idle for too long")
        }
        checkLater()
    }

    private func end(_ what: String) {
        connection?.top.abort(with: OSError(.timedOut, "\(what), \(connection?.name ?? "")"))
        cancel()
    }
}
