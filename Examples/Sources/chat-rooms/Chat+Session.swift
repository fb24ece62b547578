import AsyncIO

extension Chat {
    /// How long a member can be silent.
    static let patience = Duration.seconds(600)

    /// Serves one client, from its name to its last line.
    func serve(_ reader: StreamReader, _ writer: StreamWriter) async throws {
        try await writer.write("* your name?\n")
        guard let name = try await answer(from: reader) else { return }
        let member = Member(name, Outbox { writer.abort() })
        guard enter(member) else { return try await writer.write("* \(name) is taken\n") }
        defer { leave(member) }
        try await member.outbox.sending(to: writer) {
            try await listen(to: reader.lines, from: member)
        }
    }

    /// The first line of a client, or nil if it does not come in time.
    private func answer(from reader: StreamReader) async throws -> String? {
        do {
            return try await withTimeout(.seconds(30)) {
                var lines = reader.lines.makeAsyncIterator()
                return try await lines.next()
            }
        } catch is TimeoutError {
            return nil
        }
    }

    /// Handles the lines of a member until there are no more, or until the member is silent for too long.
    func listen(to lines: some AsyncSequence<String, any Error>, from member: Member) async throws {
        do {
            try await withTimeout(Self.patience) { silence in
                for try await line in lines {
                    hear(line, from: member)
                    try silence.reschedule(to: EventLoop.running.now + Self.patience)
                }
            }
        } catch is TimeoutError {
            member.outbox.add("* you were silent for too long")
        }
    }
}
