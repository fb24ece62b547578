import AsyncIO

/// Lines waiting to be sent on one connection.
final class Outbox {
    let lines = Queue<String>(maxSize: 100)
    private let overflow: () -> Void

    /// - Parameter overflow: Called when the other side reads too slowly.
    init(overflow: @escaping () -> Void = {}) { self.overflow = overflow }

    /// Adds a line, without waiting: no slow reader delays the others.
    func add(_ line: String) {
        if lines.isShutDown { return }
        do {
            try lines.putNoWait(line)
        } catch {
            lines.shutdown(immediate: true)
            overflow()
        }
    }

    /// Ends the outbox. Lines that are already in it are still sent.
    func close() { lines.shutdown() }

    /// Sends the lines while `body` receives, and what is left when `body` has ended.
    func sending(to writer: StreamWriter, _ body: () async throws -> Void) async throws {
        try await withAsyncTaskGroup(limit: nil, unwrapsSingleError: true) { group in
            try group.createTask(name: "sender") {
                for try await line in self.lines { try await writer.write(line + "\n") }
                writer.close()
            }
            try await body()
            close()
        }
    }
}
