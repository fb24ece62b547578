/// Runs `body`, and restarts it each time it fails, until it returns or has failed too often.
///
/// ```swift
/// try await supervise("feed", restarts: 10, per: .seconds(60)) { try await followFeed() }
/// ```
///
/// To supervise several tasks, or to use other strategies, create a ``Supervisor``. Unlike
/// ``retry(attempts:backoff:isolation:when:_:)``, this function counts only the failures within a period. For example,
/// work that fails once a day can be restarted indefinitely.
///
/// - Parameters:
///   - name: The name of the task in reports.
///   - restart: The condition under which the body is restarted.
///   - restarts: The maximum number of restarts in `period`.
///   - period: The period in which restarts are counted.
///   - backoff: The delays before the body is restarted.
///   - body: The work to perform. It runs as a task.
/// - Throws: ``SupervisionError`` if there were too many restarts; ``ValueError`` if `restarts` is negative or `period`
///   is not positive; `CancellationError` if the task is cancelled. The `CancellationError` is thrown after the body
///   has ended.
///
/// asyncio: none. Erlang: `supervisor`.
public func supervise(
    _ name: String, restart: Supervisor.Restart = .onFailure, restarts: Int = 3,
    per period: Duration = .seconds(5), backoff: Backoff = Backoff(initial: .zero),
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping () async throws -> Void
) async throws {
    let supervisor = try Supervisor(validatingRestarts: restarts, per: period, backoff: backoff)
    supervisor.add(name, restart: restart, isolation: isolation, fileID: fileID, line: line, body)
    try await supervisor.run()
}
