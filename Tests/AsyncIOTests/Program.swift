import AsyncIO
import Foundation
import Glibc

/// A program in a process of its own: one of `Tests/Programs` and similar ones, or any other on the
/// path.
final class Program {
    struct Outcome {
        let output: String
        let error: String
        /// The exit status, or the negated number of the signal that ended it.
        let status: Int32
        var errors: String { error }
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    let process: AsyncSubprocess
    private let standardOutput = Said()
    private let standardError = Said()
    private var readers: [AsyncTask<Void>] = []

    var pid: Int32 { process.pid }
    /// What the program has printed to standard error so far.
    var complaints: String { standardError.text }

    init(_ process: AsyncSubprocess) {
        self.process = process
        readers = [(process.stdout, standardOutput), (process.stderr, standardError)].map { reader, said in
            createTask { try await said.read(from: reader) }
        }
    }

    /// The output from one of the program's streams.
    private final class Said {
        private(set) var text = ""
        private(set) var hasEnded = false
        private var handedOut = 0
        private var waiters: [Future<Void>] = []

        func read(from reader: StreamReader?) async throws {
            defer {
                hasEnded = true
                tell()
            }
            while let bytes = try await reader?.read(65_536), !bytes.isEmpty {
                text += String(decoding: bytes, as: UTF8.self)
                tell()
            }
        }

        private func tell() {
            for waiter in waiters where !waiter.isDone { try? waiter.setResult(()) }
            waiters = []
        }

        /// Waits until more has arrived, or the end.
        func change() async throws {
            let waiter = Future<Void>()
            waiters.append(waiter)
            try await waiter.value
        }

        /// The next line without its newline; nil if it has not arrived yet.
        func line() -> String? {
            let rest = text.utf8.dropFirst(handedOut)
            guard let end = rest.firstIndex(of: 0x0A) ?? (hasEnded && !rest.isEmpty ? rest.endIndex : nil) else {
                return nil
            }
            let line = rest[..<end]
            handedOut = min(text.utf8.count, handedOut + line.count + 1)
            return String(decoding: line, as: UTF8.self)
        }
    }

    // MARK: Starting

    /// The path of a program of this package, which is next to the tests.
    nonisolated static func path(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    /// Runs `body` together with a program, which is killed afterwards if it has not ended.
    static func with<T>(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:],
        _ body: (Program) async throws -> T
    ) async throws -> T {
        let own = path(name)
        return try await withSubprocess(
            !name.contains("/") && access(own, X_OK) == 0 ? own : name, arguments: arguments, stdin: .pipe,
            stdout: .pipe, stderr: .pipe,
            options: .init(
                environment: AsyncSubprocess.inheritedEnvironment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
                    .merging(environment) { $1 }), grace: .zero
        ) { process in
            let program = Program(process)
            defer { for reader in program.readers { reader.cancel() } }
            return try await body(program)
        }
    }

    /// Runs a program to its end. Each time the program prints that it is ready, it gets a Ctrl-C,
    /// up to `interrupts` times.
    static func run(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], input: String = "",
        interrupts: Int = 0
    ) async throws -> Outcome {
        try await with(name, arguments, environment: environment) { program in
            if input.isEmpty {
                program.endInput()
            } else {
                createTask {
                    try? await program.write(input)
                    program.endInput()
                }
            }
            var sent = 0
            while sent < interrupts, let line = try await program.line() {
                guard line.hasPrefix("ready") else { continue }
                try program.process.sendSignal(.interrupt)
                sent += 1
            }
            return try await program.outcome()
        }
    }

    /// The output of a program. Throws an error if the program fails.
    static func output(of name: String, _ arguments: [String], input: String = "") async throws -> String {
        let outcome = try await run(name, arguments, input: input)
        guard outcome.status == 0 else { throw Failure(outcome: outcome) }
        return outcome.output
    }

    struct Failure: Error { let outcome: Outcome }

    // MARK: Communicating

    func write(_ text: String) async throws { try await process.stdin?.write(text) }
    func endInput() { process.stdin?.close() }
    func send(_ signal: ProcessSignal) throws { try process.sendSignal(signal) }

    /// The next line of the output, without its newline; nil at the end.
    func line() async throws -> String? {
        while true {
            if let line = standardOutput.line() { return line }
            if standardOutput.hasEnded { return nil }
            try await standardOutput.change()
        }
    }

    /// The remaining lines of the output.
    func rest() async throws -> [String] {
        var lines: [String] = []
        while let line = try await line() { lines.append(line) }
        return lines
    }

    /// Waits until the program has printed this.
    func wait(for word: String) async throws { try await wait(for: word, in: standardOutput) }

    /// Waits until the program has printed this to standard error.
    func wait(forComplaint word: String) async throws { try await wait(for: word, in: standardError) }

    private func wait(for word: String, in said: Said) async throws {
        while !said.text.contains(word) {
            if said.hasEnded { throw TestError("the program did not print \"\(word)\", but: \(said.text)") }
            try await said.change()
        }
    }

    // MARK: Ending

    /// Closes the program's input and waits until it has ended.
    func end() async throws -> Outcome {
        endInput()
        return try await outcome()
    }

    /// Waits until the program has ended and its output is complete.
    private func outcome() async throws -> Outcome {
        for reader in readers { try await reader.value }
        let status = try await process.wait()
        return Outcome(output: standardOutput.text, error: standardError.text, status: status)
    }

    func terminate() async throws -> Outcome {
        try process.terminate()
        return try await end()
    }
}

// MARK: Python

extension Program {
    /// The output of a Python program with the given arguments.
    static func python(_ program: String, _ arguments: [String] = [], input: String = "") async throws -> String {
        try await output(of: "python3", ["-c", program] + arguments, input: input)
    }

    /// Runs `body` together with a Python program, which ends when its input does. The first line
    /// that it prints, such as its port, is passed to `body`.
    static func withPython<T>(
        _ program: String, _ arguments: [String] = [], _ body: (_ word: String, _ program: Program) async throws -> T
    ) async throws -> T {
        try await with("python3", ["-u", "-c", program] + arguments) { program in
            let value = try await body(try await program.line() ?? "", program)
            program.endInput()
            try await program.process.wait()
            return value
        }
    }

    /// Runs a program as in many containers, where the kernel refuses io_uring.
    static func runWithoutUring(
        _ name: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> Outcome {
        try await run("python3", ["-c", refuseUring, path(name)] + arguments, environment: environment)
    }

    /// A system call filter: number 425, which is io_uring_setup on every architecture, fails with
    /// EPERM.
    private static let refuseUring = """
        import ctypes, os, struct, sys
        load, equal, answer = 0x20, 0x15, 0x06
        code = [(load, 0, 0, 0), (equal, 0, 1, 425), (answer, 0, 0, 0x00050001), (answer, 0, 0, 0x7fff0000)]
        text = b"".join(struct.pack("HBBI", *step) for step in code)
        memory = ctypes.create_string_buffer(text)
        filter = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code), ctypes.addressof(memory)))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter) == 0
        os.execv(sys.argv[1], sys.argv[1:])
        """
}
