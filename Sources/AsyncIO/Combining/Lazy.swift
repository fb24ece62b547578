/// A value that is created once, when a task first needs it, and is then shared by all tasks.
///
/// ```swift
/// let configuration = Lazy { try await fetchConfiguration() }
/// let name = try await configuration.value.name
/// ```
///
/// If several tasks request the value while it is being created, they all wait for the same work. If the work fails,
/// all of these tasks get the error. The next task that requests the value starts the work again. A cancelled task
/// stops waiting, and the work continues for the other tasks. If no task is waiting for the work anymore, the work is
/// cancelled.
///
/// asyncio: none. tokio: `OnceCell`. Go: `sync.Once`.
public final class Lazy<Value> {
    // Loop thread only.
    private let start: () -> AsyncTask<Value>
    private var work: SharedWork<Value>?

    /// The value, or `nil` if the value has not been created. Reading this property does not start the work.
    public internal(set) var valueIfReady: Value?

    /// Creates a lazy value without starting the work.
    ///
    /// - Parameter make: A closure that creates the value. The closure runs as a task, which cannot wait for the lazy
    ///   value itself.
    public init(
        isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
        _ make: @escaping () async throws -> Value
    ) {
        start = { createTask(name: "Lazy", isolation: isolation, fileID: fileID, line: line, make) }
    }

    /// The value. If the value has not been created, reading this property creates the value. Otherwise, reading this
    /// property does not suspend.
    ///
    /// - Throws: The error that the closure throws; ``RuntimeError`` if the closure itself requests the value;
    ///   `CancellationError` if the waiting task is cancelled.
    public var value: Value {
        @inlinable
        get async throws {
            if let valueIfReady { return valueIfReady }
            return try await made()
        }
    }

    @usableFromInline
    func made() async throws -> Value {
        let work = work ?? begin()
        return try await work.value(for: "Lazy.value")
    }

    /// Discards the value. The value is created again when a task next needs it. If the value is being created, the
    /// work continues for the waiting tasks, but the created value is not stored.
    public func reset() {
        valueIfReady = nil
        work = nil
    }

    private func begin() -> SharedWork<Value> {
        let new = SharedWork(start()) { [weak self] work, value in
            guard let self, self.work === work else { return }
            self.work = nil
            valueIfReady = value
        }
        work = new
        return new
    }
}
