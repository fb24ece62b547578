import AsyncIO

/// An error that tests can tell from others.
struct Boom: Error, Equatable, CustomStringConvertible {
    var number = 0
    init(_ number: Int = 0) { self.number = number }
    var description: String { "boom \(number)" }
}

/// The error that `body` throws, or nil.
func thrown<T>(by body: () async throws -> T) async -> (any Error)? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// The number of turns of the loop until `body` has ended.
func turns<T>(of body: () async throws -> T) async throws -> Int {
    let loop = try EventLoop.running
    let before = loop.turns
    _ = try await body()
    return Int(loop.turns - before)
}

/// The loop's time that passes until `body` has ended.
func time<T>(of body: () async throws -> T) async throws -> Duration {
    let loop = try EventLoop.running
    let start = loop.now
    _ = try await body()
    return loop.now - start
}

/// Runs everything that is ready, and what that makes ready, for `count` turns.
func settle(_ count: Int = 10) async throws {
    for _ in 0..<count { try await sleep(.zero) }
}

/// A task that waits until it is cancelled.
@discardableResult
func sleeper() -> AsyncTask<Void> { createTask { try await Future<Void>().value } }

/// A task-local value.
nonisolated enum TaskValue {
    @TaskLocal static var request = "none"
}
