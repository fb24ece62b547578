internal import AsyncIO

/// Reads the stream in which the server reports the ends of jobs, while tasks wait for such reports. Loop thread only.
final class EndReader {
    /// The name under which the server reports that all jobs have ended.
    static let allJobs = ""

    private let client: RedisClient
    private let stream: String
    /// The waiting tasks, by the job that they wait for.
    private var waiting: [String: (event: Event, count: Int)] = [:]
    /// Jobs whose end was reported while no task was waiting for it.
    private var seen: Set<String> = []
    private var reader: AsyncTask<Void>?
    private var isStopped = false

    init(_ client: RedisClient, stream: String) {
        self.client = client
        self.stream = stream
    }

    /// Waits until the end of a job is reported.
    ///
    /// - Parameter position: The entry of the stream after which the report will appear.
    /// - Throws: `TimeoutError` if the time is up; `CancellationError` if the task is cancelled.
    func wait(for id: String, after position: String, atMost limit: Duration) async throws {
        if isStopped || seen.remove(id) != nil { return }
        let event = waiting[id]?.event ?? Event()
        waiting[id] = (event, (waiting[id]?.count ?? 0) + 1)
        defer { leave(id) }
        if reader == nil {
            // No capture list, because it would make the closure concurrent.
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

    /// Reads until no task is waiting. The task is not cancelled at that point, because another one may wait soon.
    //
    // It throws only if it is cancelled. The closure of a task that cannot throw would leave the loop.
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
                // Waiting tasks call the server again after a while. That call reports the error.
                try await sleep(.milliseconds(200))
            }
        }
    }

    private func remember(_ id: String) {
        if seen.count == 10_000 { seen = [] }
        seen.insert(id)
    }

    /// The entries of the only stream in the reply to XREAD.
    private static func entries(_ reply: RedisValue) throws -> [[RedisValue]] {
        if reply.isNull { return [] }
        let streams: RedisValue =
            switch reply {
            // RESP3 has a map of streams, RESP2 an array of pairs.
            case .map(let pairs): pairs.first?.value ?? .array([])
            default: try reply.array.first?.array.last ?? .array([])
            }
        return try streams.array.map { try $0.array }
    }
}
