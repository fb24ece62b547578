import AsyncIO

extension Short {
    /// Reads lines, parses several of them at a time, and stores the results in batches. A batch is stored when it is
    /// full, or `patience` after its first result. Each stage waits for the stages after it. If a stage fails, all
    /// stages end.
    static func pipeline(
        parsers: Int, batchSize: Int, patience: Duration, read: @escaping () async throws -> String?,
        parse: @escaping (String) async throws -> Int?, store: @escaping ([Int]) async throws -> Void
    ) async throws {
        let (lines, work) = memoryObjectStream(of: String.self, capacity: 16)
        let (numbers, results) = memoryObjectStream(of: Int.self, capacity: 16)
        try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { stages in
            try stages.createTask {
                while let line = try await read() { try await lines.send(line) }
                lines.close()
            }
            try stages.createTask {
                for try await number in concurrentMap(work, limit: parsers, ordered: false, parse) {
                    if let number { try await numbers.send(number) }
                }
                numbers.close()
            }
            while let first = try await results.receive() {
                var batch = [first]
                do {
                    try await withTimeout(patience) {
                        while batch.count < batchSize, let number = try await results.receive() { batch.append(number) }
                    }
                } catch is TimeoutError {}
                try await store(batch)
            }
        }
    }
}
