import AsyncIO

extension ByHand {
    /// Reads lines, parses several of them at a time, and stores the results in batches. A batch is stored when it is
    /// full, or `patience` after its first result. Each stage waits for the stages after it. If a stage fails, all
    /// stages end.
    static func pipeline(
        parsers: Int, batchSize: Int, patience: Duration, read: @escaping () async throws -> String?,
        parse: @escaping (String) async throws -> Int?, store: @escaping ([Int]) async throws -> Void
    ) async throws {
        let lines = Queue<String>(maxSize: 16)
        let numbers = Queue<Int>(maxSize: 16)
        try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { stages in
            try stages.createTask {
                while let line = try await read() { try await lines.put(line) }
                lines.shutdown()
            }
            var left = parsers
            for _ in 0..<parsers {
                try stages.createTask {
                    for try await line in lines {
                        if let number = try await parse(line) { try await numbers.put(number) }
                    }
                    left -= 1
                    if left == 0 { numbers.shutdown() }
                }
            }
            var results = numbers.makeAsyncIterator()
            while let first = try await results.next() {
                var batch = [first]
                do {
                    try await withTimeout(patience) {
                        while batch.count < batchSize, let number = try await results.next() { batch.append(number) }
                    }
                } catch is TimeoutError {}
                try await store(batch)
            }
        }
    }
}
