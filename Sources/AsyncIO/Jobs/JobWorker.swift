internal import AsyncIOSystem

/// A worker of a ``JobQueue``: a queue object that receives jobs.
public struct JobWorker: Sendable, Hashable {
    /// The name of the worker: its host and its process, such as `web-3:4711`. In Redis, the name ends with a random
    /// part, because a process can have several queue objects.
    public let name: String
    /// The number of jobs that the worker is running.
    public let running: Int
    /// The time since its last heartbeat, by the clock of the queue. A worker sends one whenever it asks for jobs or
    /// renews deliveries.
    public let timeSinceHeartbeat: Duration

    /// Creates the description of a worker, for an implementation of ``JobQueue``.
    public init(name: String, running: Int, timeSinceHeartbeat: Duration) {
        self.name = name
        self.running = running
        self.timeSinceHeartbeat = timeSinceHeartbeat
    }

    /// The host and the process.
    package static var currentProcess: String { "\(Machine.name):\(Machine.process)" }
}
