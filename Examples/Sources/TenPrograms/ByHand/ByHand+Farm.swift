import AsyncIO

extension ByHand {
    /// Passes each line to one of several processes, which answers with a line. A process that takes longer than
    /// `limit`, or ends, is replaced, and the line is passed to another process. Each line is tried at most three
    /// times.
    ///
    /// - Returns: The answers, in the order of the lines.
    static func farm(
        _ program: String, _ arguments: [String], size: Int, limit: Duration, lines: [String]
    ) async throws -> [String] {
        let pool = Pool(program, arguments, size: size)
        defer { pool.close() }
        return try await gather(lines) { line in
            try await retry(attempts: 3, backoff: Backoff(initial: .milliseconds(10))) { () async throws -> String in
                try await pool.withProcess { process in
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

    private final class Pool {
        private let program: String
        private let arguments: [String]
        private let slots: Semaphore
        private var idle: [AsyncSubprocess] = []

        init(_ program: String, _ arguments: [String], size: Int) {
            self.program = program
            self.arguments = arguments
            slots = Semaphore(size)
        }

        func withProcess(_ body: (AsyncSubprocess) async throws -> String) async throws -> String {
            try await slots.withLock {
                while let process = idle.popLast() {
                    if process.returnCode == nil { return try await use(process, body) }
                    end(process)
                }
                return try await use(
                    createSubprocess(program, arguments: arguments, stdin: .pipe, stdout: .pipe), body)
            }
        }

        private func use(
            _ process: AsyncSubprocess, _ body: (AsyncSubprocess) async throws -> String
        ) async throws -> String {
            do {
                let answer = try await body(process)
                idle.append(process)
                return answer
            } catch {
                end(process)
                throw error
            }
        }

        func close() {
            for process in idle { end(process) }
            idle = []
        }

        private func end(_ process: AsyncSubprocess) {
            process.stdin?.close()
            if process.returnCode == nil { try? process.kill() }
        }
    }
}
