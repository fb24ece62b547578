// The three forms of an operation in a trace.

extension Interpreter {
    /// An awaiting operation: a line before and a line after.
    @discardableResult
    func awaiting<T>(
        _ label: String, _ who: Who, showing show: (T) -> String, _ body: () async throws -> T
    ) async throws -> T {
        log(who, "> \(label)")
        do {
            let value = try await body()
            log(who, "< \(label) = \(show(value))")
            return value
        } catch {
            log(who, "< \(label) ! \(errorText(error))")
            throw error
        }
    }

    /// An awaiting operation whose result is a value.
    func awaiting(_ label: String, _ who: Who, _ body: () async throws -> Value) async throws {
        try await awaiting(label, who, showing: \.text, body)
    }

    /// An awaiting operation whose only result is that it has ended: `true` or `ok`.
    func awaiting(_ label: String, _ who: Who, done: String, _ body: () async throws -> Void) async throws {
        try await awaiting(label, who, showing: { done }, body)
    }

    /// A plain operation: a line after.
    func plain(_ label: String, _ who: Who, _ body: () throws -> String) throws {
        do {
            log(who, "\(label) = \(try body())")
        } catch {
            log(who, "\(label) ! \(errorText(error))")
            throw error
        }
    }

    /// A plain operation without a result.
    func plainOK(_ label: String, _ who: Who, _ body: () throws -> Void) throws {
        try plain(label, who) {
            try body()
            return "ok"
        }
    }

    /// A block operation: a line before, its content, and a line after.
    ///
    /// - Parameter tail: further text for the last line.
    func block(
        _ label: String, _ who: Who, tail: () -> String = { "" }, _ body: () async throws -> Flow
    ) async throws -> Flow {
        log(who, "> \(label)")
        do {
            let flow = try await body()
            log(who, "< \(label) = ok\(tail())")
            return flow
        } catch {
            log(who, "< \(label) ! \(errorText(error))\(tail())")
            throw error
        }
    }
}
