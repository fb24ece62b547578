import AsyncIO
import Subprocess

/// What a command writes, with swift-subprocess.
///
/// - Throws: `TimeoutError` if it does not end in time. The command is killed then.
public func output(of command: String, _ arguments: [String], within limit: Duration) async throws -> String {
    // A command that was killed in time may come back as one that was ended by a signal, without
    // an error: the limit has to be a hard one.
    try await withTimeout(limit, lateResult: .discard) {
        try await run(.name(command), arguments: Arguments(arguments), output: .string(limit: 1 << 20))
            .standardOutput
    }
}
