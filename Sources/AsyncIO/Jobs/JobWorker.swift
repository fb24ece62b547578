internal import AsyncIOSystem

/// A worker of a ``JobQueue``. Each queue object that receives jobs is a worker.
public struct JobWorker: Sendable, Hashable {
    /// The name of the worker, which contains the host name and the process ID, such as `web-3:4711`. In Redis, the
    /// name ends with a random part, because a process can have several queue objects.
    public let name: String
    /// The number of jobs that the worker is running.
    public let running: Int
    /// The time since the last heartbeat of the worker, measured with the queue's clock. A worker sends a heartbeat
    /// whenever it asks for jobs or renews deliveries.
    public let timeSinceHeartbeat: Duration

    /// Creates a description of a worker. Only implementations of ``JobQueue`` need this initializer.
    public init(name: String, running: Int, timeSinceHeartbeat: Duration) {
        self.name = name
        self.running = running
        self.timeSinceHeartbeat = timeSinceHeartbeat
    }

    /// The name of this host and the identifier of this process.
    package static var currentProcess: String { "\(Machine.name):\(Machine.process)" }
}
