import AsyncIO
import Foundation
import Glibc

/// A program of `Tests/Programs`, in a process of its own.
nonisolated final class Program: @unchecked Sendable {
    private let process = Foundation.Process()
    private let output = Foundation.Pipe()
    private let isReadyAgain: Int

    struct Outcome {
        let lines: [String]
        /// The exit status, or minus the signal that ended it.
        let status: Int32
    }

    private init(_ name: String, _ arguments: [String], environment: [String: String], interrupts: Int) {
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.executableURL = here.deletingLastPathComponent().appendingPathComponent(name)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        isReadyAgain = interrupts
    }

    /// Runs the program to its end. Each time it says that it is ready it gets a Ctrl-C, as
    /// often as `interrupts` says.
    nonisolated static func run(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:], interrupts: Int = 0
    ) async throws -> Outcome {
        let program = Program(name, arguments, environment: environment, interrupts: interrupts)
        return try await toThread { try program.runToItsEnd() }
    }

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
        process.waitUntilExit()
        let status = process.terminationStatus
        return Outcome(
            lines: text.split(separator: "\n").map(String.init),
            status: process.terminationReason == .exit ? status : -status)
    }
}
