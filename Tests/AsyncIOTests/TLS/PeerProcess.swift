import AsyncIO
import Foundation
import Glibc

/// Another program on the other end of a wire.
nonisolated final class PeerProcess: @unchecked Sendable {
    private let process = Foundation.Process()
    private let output = Foundation.Pipe()
    private let input = Foundation.Pipe()
    private var pending = Data()

    /// Starts a program that is found on the path.
    init(_ command: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = input
        try process.run()
    }

    /// A Python program; its arguments are `sys.argv[1:]`.
    static func python(_ program: String, _ arguments: [String] = []) throws -> PeerProcess {
        try PeerProcess("python3", ["-c", program] + arguments)
    }

    func write(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
    func closeInput() { try? input.fileHandleForWriting.close() }

    /// The next line of its output, without the newline; nil at the end.
    func line() async throws -> String? { try await toThread { self.nextLine() } }

    /// The rest of its output, when it has ended.
    func rest() async throws -> String {
        try await toThread {
            var text = ""
            while let line = self.nextLine() { text += line + "\n" }
            self.process.waitUntilExit()
            return text
        }
    }

    /// How it ended.
    func status() async throws -> Int32 {
        try await toThread {
            self.process.waitUntilExit()
            return self.process.terminationStatus
        }
    }

    func end() { if process.isRunning { process.terminate() } }

    private func nextLine() -> String? {
        while true {
            if let end = pending.firstIndex(of: 0x0A) {
                let line = String(decoding: pending[pending.startIndex..<end], as: UTF8.self)
                pending = Data(pending[pending.index(after: end)...])
                return line
            }
            let data = output.fileHandleForReading.availableData
            if data.isEmpty {
                defer { pending = Data() }
                return pending.isEmpty ? nil : String(decoding: pending, as: UTF8.self)
            }
            pending.append(data)
        }
    }
}
