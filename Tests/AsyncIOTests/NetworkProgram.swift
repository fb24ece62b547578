import AsyncIO
import Foundation
import Glibc

/// Programs on the other end of a wire.
enum NetworkProgram {
    /// A program of `Tests/Programs`, next to the tests.
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    /// What a program prints, when it has ended; an error if it ends with one.
    static func output(_ program: String, _ arguments: [String], input: String? = nil) async throws -> String {
        try await withSubprocess(
            program, arguments: arguments, stdin: input == nil ? .devNull : .pipe, stdout: .pipe, stderr: .pipe
        ) { process in
            let (output, errors) =
                if let input { try await process.communicate(input) } else { try await process.communicate() }
            let code = process.returnCode ?? -1
            guard code == 0 else {
                throw ProgramFailure(code: code, text: String(decoding: (output ?? []) + (errors ?? []), as: UTF8.self))
            }
            return String(decoding: output ?? [], as: UTF8.self)
        }
    }

    /// The same for a Python program, with its arguments.
    static func python(_ program: String, _ arguments: [String] = []) async throws -> String {
        try await output("python3", ["-c", program] + arguments)
    }

    /// Runs a Python server, which prints its port (or a word) first and ends when its input does.
    static func withPython<T>(
        _ program: String, _ arguments: [String] = [], isolation: isolated (any Actor)? = #isolation,
        _ body: (String) async throws -> T
    ) async throws -> T {
        try await withSubprocess(
            "python3", arguments: ["-u", "-c", program] + arguments, stdin: .pipe, stdout: .pipe, isolation: isolation
        ) { process in
            _ = isolation
            var word = try await process.stdout?.readLine() ?? []
            if word.last == 0x0A { word.removeLast() }
            let value = try await body(String(decoding: word, as: UTF8.self))
            process.stdin?.close()
            _ = try await process.wait()
            return value
        }
    }
}

struct ProgramFailure: Error {
    let code: Int32
    let text: String
}
