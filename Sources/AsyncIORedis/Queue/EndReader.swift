internal import AsyncIO

/// Reads the stream in which the server reports that jobs have ended. The reader runs while tasks are waiting for such
/// reports. Loop thread only.
final class EndReader {
    /// The job identifier in the report that all jobs have ended.
    static let allJobs = ""

    private let client: RedisClient
    private let stream: String
    /// For each awaited job, the event that its waiting tasks share, and the number of these tasks.
    private var waiting: [String: (event: Event, count: Int)] = [:]
    /// The jobs that were reported as ended while no task was waiting for them.
    private var seen: Set<String> = []
    private var reader: AsyncTask<Void>?
    private var isStopped = false

    init(_ client: RedisClient, stream: String) {
        self.client = client
        self.stream = stream
    }

    /// Waits until the server reports that a job has ended.
    ///
    /// - Parameter position: The stream entry after which the report will appear.
    /// - Throws: `TimeoutError` if the time limit is reached; `CancellationError` if the task is cancelled.
    func wait(for id: String, after position: String, atMost limit: Duration) async throws {
        if isStopped || seen.remove(id) != nil { return }
        let event = waiting[id]?.event ?? Event()
        waiting[id] = (event, (waiting[id]?.count ?? 0) + 1)
        defer { leave(id) }
        if reader == nil {
            // The closure has no capture list, because a capture list would make it concurrent.
            let task = createTask(name: "ends of jobs") { try await self.read(after: position) }
            reader = task
            task.addDoneCallback { [self] _ in reader = nil }
        }
        try await waitFor(timeout: limit) { try await event.wait() }
    }

    private func leave(_ id: String) {
        guard let (event, count) = waiting[id] else { return }
        waiting[id] = count > 1 ? (event, count - 1) : nil
    }

    func stop() {
        isStopped = true
        reader?.cancel()
        for (event, _) in waiting.values { event.set() }
    }

    /// Reads reports until no task is waiting. A call to the server is not cancelled when the last waiting task stops
    /// waiting, because another task may soon begin to wait.
    //
    // This method throws only if the task is cancelled. If the closure could not throw, it would leave the loop.
    private func read(after position: String) async throws {
        var position = position
        while !waiting.isEmpty, !client.isClosed {
            var command = RedisCommand("XREAD", "BLOCK", 2000, "STREAMS", stream, position)
            command.timeLimit = .after(.seconds(10))
            do {
                let reply = try await client.withConnection(for: stream) { connection in
                    try await connection.send(command)
                }
                for entry in try Self.entries(reply) {
                    position = try entry[0].string
                    let fields = try entry[1].array
                    let id = try fields[1].string
                    if let (event, _) = waiting[id] { event.set() } else { remember(id) }
                }
            } catch {
                if isStopped { return }
                // After a while, the waiting tasks call the server again. Those calls report the error.
                try await sleep(.milliseconds(200))
            }
        }
    }

    private func remember(_ id: String) {
        if seen.count == 10_000 { seen = [] }
        seen.insert(id)
    }

    /// Returns the entries of the only stream in the reply to XREAD.
    private static func entries(_ reply: RedisValue) throws -> [[RedisValue]] {
        if reply.isNull { return [] }
        let streams: RedisValue =
            switch reply {
            // The reply is a map of streams in RESP3, and an array of pairs in RESP2.
            case .map(let pairs): pairs.first?.value ?? .array([])
            default: try reply.array.first?.array.last ?? .array([])
            }
        return try streams.array.map { try $0.array }
    }
}
