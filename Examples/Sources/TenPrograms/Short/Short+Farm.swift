import AsyncIO

extension Short {
    /// Passes each line to one of several processes, which answers with a line. A process that takes longer than
    /// `limit`, or ends, is replaced, and the line is passed to another process. Each line is tried at most three
    /// times.
    ///
    /// - Returns: The answers, in the order of the lines.
    static func farm(
        _ program: String, _ arguments: [String], size: Int, limit: Duration, lines: [String]
    ) async throws -> [String] {
        let pool = ConnectionPool(size: size) {
            try await createSubprocess(program, arguments: arguments, stdin: .pipe, stdout: .pipe)
        } close: { process in
            process.stdin?.close()
            if process.returnCode == nil { try? process.kill() }
        } check: { process in
            process.returnCode == nil
        }
        defer { pool.close() }
        return try await gather(lines) { line in
            try await retry(attempts: 3, backoff: Backoff(initial: .milliseconds(10))) { () async throws -> String in
                try await pool.withConnection { process in
                    try await withTimeout(limit) {
                        try await process.stdin?.write(line + "\n")
                        guard let answer = try await process.stdout?.readTextLine() else {
                            throw ProgramError("\(program) ended")
                        }
                        return answer
                    }
                }
            }
        }
    }
}
