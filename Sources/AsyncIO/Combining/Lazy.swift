/// A value that is created once, when a task first needs it, and is then shared by all tasks.
///
/// ```swift
/// let configuration = Lazy { try await fetchConfiguration() }
/// let name = try await configuration.value.name
/// ```
///
/// Tasks that ask for the value while it is being created wait for the same work. If the work fails, all of these tasks
/// get the error, and the next task that asks for the value starts the work again. A task that is cancelled stops
/// waiting. The work continues for the other tasks, and is cancelled when no task is waiting for it.
///
/// asyncio: none. tokio: `OnceCell`. Go: `sync.Once`.
public final class Lazy<Value> {
    // Loop thread only.
    private let start: () -> AsyncTask<Value>
    private var work: SharedWork<Value>?

    /// The value, or `nil` if it has not been created. Reading it does not start the work.
    public internal(set) var valueIfReady: Value?

    /// Creates a lazy value. The work does not start yet.
    ///
    /// - Parameter make: Creates the value. It runs as a task, which cannot itself wait for this value.
    public init(
        isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
        _ make: @escaping () async throws -> Value
    ) {
        start = { createTask(name: "Lazy", isolation: isolation, fileID: fileID, line: line, make) }
    }

    /// The value. If the value does not exist yet, it is created now. Otherwise, reading this property does not
    /// suspend.
    ///
    /// - Throws: The error of the work; ``RuntimeError`` if the work itself asks for the value; `CancellationError` if
    ///   the waiting task is cancelled.
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

    /// Discards the value, so that it is created again when it is next needed. If the work is in progress, it
    /// continues for the waiting tasks, but its value is not stored.
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
