public import AsyncIO

/// Keys and values in memory, on several event loops.
///
/// You can use a store from any task. ``blocking`` is for threads.
public final class Store: Sendable {
    private let shards: [Shard]

    /// Starts the threads of a store.
    ///
    /// - Parameter count: The number of threads, and of the shards among which the keys are divided.
    /// - Throws: ``OSError`` if the system does not allow another thread.
    public init(shards count: Int = 2) throws(OSError) {
        var shards: [Shard] = []
        for index in 0..<max(1, count) { shards.append(try Shard(name: "shard-\(index)")) }
        self.shards = shards
    }

    /// Stops serving, and ends the threads. Connections have a second to end by themselves.
    ///
    /// - Throws: ``TimeoutError`` if a thread takes more than ten seconds.
    public func shutDown() async throws {
        for shard in shards { try await shard.stopServing(within: .seconds(1)) }
        for shard in shards { try await shard.io.shutDown(within: .seconds(10)) }
    }

    /// The shard of a key.
    func shard(of key: String) -> Shard { shards[Int(key.hashValue.magnitude % UInt(shards.count))] }

    // MARK: Values

    /// Returns the value of a key, or `nil` if the key has no value.
    public func value(of key: String) async -> String? { await shard(of: key).value(of: key) }

    /// Sets the value of a key.
    public func set(_ value: String, for key: String) async { await shard(of: key).set(value, for: key) }

    /// Removes a key.
    ///
    /// - Returns: The previous value, or `nil` if the key had no value.
    @discardableResult
    public func remove(_ key: String) async -> String? { await shard(of: key).remove(key) }

    /// Waits until a key has a value.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - limit: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``TimeoutError``; `CancellationError` if the task is cancelled; ``RuntimeError`` if the store is
    ///   shut down.
    public func awaitValue(of key: String, within limit: Duration? = nil) async throws -> String {
        let shard = shard(of: key)
        // As a task of the loop, it is cancelled when the loop ends.
        return try await shard.io.run { _ in try await shard.awaitValue(of: key, within: limit) }
    }

    // MARK: The server

    /// Starts a server on the loopback interface. Its requests are lines of text, and so are the responses:
    /// `SET key value`, `GET key`, `REMOVE key`, and `WAIT key`.
    ///
    /// The connections belong to the loop of the first shard. A request for a key of another shard is a call from
    /// one loop to another.
    ///
    /// - Parameter port: The port, or 0 to let the system choose one.
    /// - Returns: The port.
    /// - Throws: ``OSError`` if the port cannot be used.
    public func serve(port: Int = 0) async throws -> Int {
        let first = shards[0]
        return try await first.io.run { _ in
            try await first.serve(port: port) { [self] line in await answer(line) }
        }
    }

    private func answer(_ line: String) async -> String {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        switch (words.first, words.count) {
        case ("SET", 3):
            await set(words[2], for: words[1])
            return "OK"
        case ("GET", 2): return await value(of: words[1]).map { "VALUE \($0)" } ?? "NONE"
        case ("REMOVE", 2): return await remove(words[1]) == nil ? "NONE" : "OK"
        case ("WAIT", 2):
            do { return "VALUE \(try await awaitValue(of: words[1], within: .seconds(60)))" } catch {
                return "ERROR \(type(of: error))"
            }
        default: return "ERROR unknown request"
        }
    }
}
