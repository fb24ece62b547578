import AsyncIO
import Subprocess

/// The output of a command, with swift-subprocess.
///
/// - Throws: `TimeoutError` if it does not end in time. In that case, the command is killed.
public func output(of command: String, _ arguments: [String], within limit: Duration) async throws -> String {
    // A command that was killed can be reported as ended by a signal, without an error. So a
    // result that comes after the limit is discarded.
    try await withTimeout(limit, lateResult: .discard) {
        try await run(.name(command), arguments: Arguments(arguments), output: .string(limit: 1 << 20))
            .standardOutput
    }
}
