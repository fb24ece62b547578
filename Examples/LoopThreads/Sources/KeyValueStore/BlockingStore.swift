import AsyncIO

extension Store {
    /// The store for code that cannot wait asynchronously.
    public var blocking: BlockingStore { BlockingStore(store: self) }
}

/// The operations of a ``Store`` for threads, which they block.
///
/// The methods throw a ``RuntimeError`` if the calling thread runs an event loop, or if the store is shut down.
public struct BlockingStore: Sendable {
    let store: Store

    /// Returns the value of a key, or `nil` if the key has no value.
    public func value(of key: String) throws -> String? {
        let shard = store.shard(of: key)
        return try shard.io.wait { _ in await shard.value(of: key) }
    }

    /// Sets the value of a key.
    public func set(_ value: String, for key: String) throws {
        let shard = store.shard(of: key)
        try shard.io.wait { _ in await shard.set(value, for: key) }
    }

    /// Removes a key.
    ///
    /// - Returns: The previous value, or `nil` if the key had no value.
    @discardableResult
    public func remove(_ key: String) throws -> String? {
        let shard = store.shard(of: key)
        return try shard.io.wait { _ in await shard.remove(key) }
    }

    /// Waits until a key has a value.
    ///
    /// - Parameters:
    ///   - key: The key.
    ///   - limit: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``TimeoutError`` if the time is up.
    public func awaitValue(of key: String, within limit: Duration? = nil) throws -> String {
        let shard = store.shard(of: key)
        return try shard.io.wait(timeout: limit) { _ in try await shard.awaitValue(of: key, within: nil) }
    }
}
