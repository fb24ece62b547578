import AsyncIO
import Foundation
import Glibc

/// A program of `Tests/Programs`, in a process of its own.
nonisolated final class Program: @unchecked Sendable {
    private let process = Foundation.Process()
    private let output = Foundation.Pipe()
    private let errorOutput = Foundation.Pipe()
    private let isReadyAgain: Int

    struct Outcome {
        let lines: [String]
        /// What it wrote to standard error.
        let errors: String
        /// The exit status, or minus the signal that ended it.
        let status: Int32
    }

    private init(
        _ launcher: [String], _ name: String, _ arguments: [String], environment: [String: String], interrupts: Int
    ) {
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = here.deletingLastPathComponent().appendingPathComponent(name)
        let command = launcher + [program.path] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment
            .merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = errorOutput
        isReadyAgain = interrupts
    }

    /// Runs the program to its end. Each time it says that it is ready it gets a Ctrl-C, as
    /// often as `interrupts` says.
    nonisolated static func run(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], interrupts: Int = 0
    ) async throws -> Outcome {
        let program = Program([], name, arguments, environment: environment, interrupts: interrupts)
        return try await toThread { try program.runToItsEnd() }
    }

    /// Runs the program as many containers would: the kernel refuses it io_uring.
    nonisolated static func runWithoutUring(
        _ name: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> Outcome {
        let launcher = ["/usr/bin/env", "python3", "-c", refuseUring]
        let program = Program(launcher, name, arguments, environment: environment, interrupts: 0)
        return try await toThread { try program.runToItsEnd() }
    }

    /// A filter of system calls: number 425, io_uring_setup on every architecture, is EPERM.
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

    private func runToItsEnd() throws -> Outcome {
        try process.run()
        var text = ""
        var sent = 0
        while true {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { break }
            text += String(decoding: data, as: UTF8.self)
            let ready = text.split(separator: "\n").count { $0.hasPrefix("ready") }
            while sent < min(ready, isReadyAgain) {
                sent += 1
                // Let it get from its last word to what it is ready for.
                usleep(20_000)
                process.interrupt()
            }
        }
        // Short, so that the pipe holds it meanwhile.
        let errors = errorOutput.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let status = process.terminationStatus
        return Outcome(
            lines: text.split(separator: "\n").map(String.init),
            errors: String(decoding: errors, as: UTF8.self),
            status: process.terminationReason == .exit ? status : -status)
    }
}
