public import DequeModule

/// A cache whose values expire. The cache loads each value only once, even if several tasks request the value at the
/// same time.
///
/// ```swift
/// let cache = ExpiringCache<UserID, User>(lifetime: .seconds(60), limit: 10_000)
/// let user = try await cache.value(for: id) { try await database.user(id) }
/// ```
///
/// If several tasks request the same key while its value is being loaded, they all wait for the same load. If the load
/// fails, all of these tasks get the error, and no value is stored. A cancelled task stops waiting. If no task is
/// waiting for the load anymore, the load is cancelled.
///
/// A value expires when its lifetime is over. If the number of values exceeds the limit of the cache, the cache removes
/// the oldest values.
///
/// asyncio: none; the closest equivalent is the package `async_lru`, which removes the least recently used values. Go:
/// `singleflight`.
public final class ExpiringCache<Key: Hashable, Value> {
    @usableFromInline
    struct Entry {
        @usableFromInline let value: Value
        @usableFromInline let number: Int
    }

    @usableFromInline
    struct Age {
        @usableFromInline let key: Key
        @usableFromInline let number: Int
        @usableFromInline let deadline: Int64
    }

    // Loop thread only. The code that finds a value is inlinable, so that it is specialized in the user's module.
    private let lifetime: Duration
    @usableFromInline let limit: Int
    @usableFromInline var entries: [Key: Entry] = [:]
    private var loads: [Key: SharedWork<Value>] = [:]
    /// The keys, in the order in which their entries were added. All entries have the same lifetime, so they expire in
    /// this order. The list also includes keys whose entries were removed or replaced.
    @usableFromInline var ages = Deque<Age>()
    private var lastNumber = 0

    /// Creates an empty cache.
    ///
    /// - Parameters:
    ///   - lifetime: The time for which a value is stored after it has been loaded. If the lifetime is zero or
    ///     negative, values are not stored, and the cache only shares concurrent loads.
    ///   - limit: The maximum number of values, or `nil` for no limit.
    /// - Precondition: `limit` is not negative. For a number that is known only at run time, use
    ///   ``init(lifetime:validatingLimit:)``.
    public init(lifetime: Duration, limit: Int? = nil) {
        if let mistake = Self.mistake(limit) { stop(mistake, instead: "ExpiringCache(lifetime:validatingLimit:)") }
        self.lifetime = lifetime
        self.limit = limit ?? .max
    }

    /// Creates an empty cache with a limit that is known only at run time; see ``init(lifetime:limit:)``.
    ///
    /// - Throws: ``ValueError`` if the limit is negative.
    public convenience init(lifetime: Duration, validatingLimit limit: Int?) throws(ValueError) {
        if let mistake = Self.mistake(limit) { throw ValueError(mistake) }
        self.init(lifetime: lifetime, limit: limit)
    }

    private static func mistake(_ limit: Int?) -> String? {
        guard let limit, limit < 0 else { return nil }
        return "the limit of an ExpiringCache must not be negative, got \(limit)"
    }

    /// The number of values that have not expired.
    ///
    /// - Complexity: O(*n*), where *n* is the number of values that have expired since the cache was last used.
    public var count: Int {
        dropExpired()
        return entries.count
    }

    /// Returns the value for a key, and loads the value if it is not in the cache. If the value is in the cache, this
    /// method does not suspend.
    ///
    /// - Parameters:
    ///   - key: The key of the value.
    ///   - load: A closure that loads the value. The closure runs as a task, which cannot request the same key from the
    ///     cache.
    /// - Throws: The error that `load` throws; ``RuntimeError`` if `load` requests its own key; `CancellationError` if
    ///   the waiting task is cancelled.
    /// - Complexity: O(1), plus O(*n*) to remove *n* values that have expired since the cache was last used.
    @inlinable
    public func value(
        for key: Key, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ load: @escaping () async throws -> Value
    ) async throws -> Value {
        if let value = self[key] { return value }
        return try await loaded(key, isolation: isolation, fileID: fileID, line: line, load)
    }

    @usableFromInline
    func loaded(
        _ key: Key, isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
        _ load: @escaping () async throws -> Value
    ) async throws -> Value {
        if let work = loads[key] { return try await work.value(for: "ExpiringCache.value()") }
        let task = createTask(name: "ExpiringCache", isolation: isolation, fileID: fileID, line: line, load)
        let work = SharedWork(task) { [weak self] work, value in
            guard let self, loads[key] === work else { return }
            loads[key] = nil
            if let value { self[key] = value }
        }
        loads[key] = work
        return try await work.value(for: "ExpiringCache.value()")
    }

    /// The value for a key, or `nil` if the value is not in the cache. Reading the subscript does not load the value.
    ///
    /// If you set a value, it is stored for the lifetime that was passed to the initializer. If you set `nil`, the
    /// value is removed. If a load for the key is in progress, the load continues for the waiting tasks, but the loaded
    /// value is not stored.
    ///
    /// - Complexity: O(1), plus O(*n*) to remove *n* values that have expired since the cache was last used.
    public subscript(key: Key) -> Value? {
        @inlinable
        get {
            dropExpired()
            return entries[key]?.value
        }
        set { store(newValue, for: key) }
    }

    private func store(_ value: Value?, for key: Key) {
        loads[key] = nil
        entries[key] = nil
        guard let value, lifetime > .zero else { return }
        lastNumber += 1
        entries[key] = Entry(value: value, number: lastNumber)
        ages.append(Age(key: key, number: lastNumber, deadline: cacheTime().advanced(by: lifetime)))
        dropExpired()
        if ages.count > 2 * entries.count + 16 { ages.removeAll { entries[$0.key]?.number != $0.number } }
    }

    /// Removes all values. Loads in progress continue for the tasks that are waiting for them, but the loaded values
    /// are not stored.
    public func removeAll() {
        entries = [:]
        ages = []
        loads = [:]
    }

    @inlinable
    func dropExpired() {
        let now = cacheTime()
        while let oldest = ages.first, oldest.deadline <= now || entries.count > limit {
            ages.removeFirst()
            if entries[oldest.key]?.number == oldest.number { entries[oldest.key] = nil }
        }
    }
}

/// Returns the time on the clock of the running loop.
@usableFromInline
func cacheTime() -> Int64 { EventLoop.required(for: "ExpiringCache").time }
