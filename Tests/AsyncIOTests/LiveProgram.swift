import Foundation
import Glibc
import Testing

/// A program of this package that runs in a process of its own while a test inspects it. The
/// methods block, so call them from a thread.
nonisolated final class LiveProgram: @unchecked Sendable {
    private let process = Foundation.Process()
    private let output = Foundation.Pipe()
    private let complaints: URL
    private var text = ""

    var pid: Int32 { process.processIdentifier }

    init(_ name: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        complaints = FileManager.default.temporaryDirectory.appendingPathComponent("asyncio-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: complaints.path, contents: nil)
        process.executableURL = URL(fileURLWithPath: Program.path(name))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: complaints)
        try process.run()
    }

    /// Waits until the program has printed this.
    func wait(for word: String) {
        while !text.contains(word) {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return }
            text += String(decoding: data, as: UTF8.self)
        }
    }

    /// What the program has printed to standard error so far.
    var standardError: String { (try? String(contentsOf: complaints, encoding: .utf8)) ?? "" }

    /// Waits until the program has printed this to standard error. Returns false if it has not done
    /// so in `seconds`.
    func wait(forComplaint word: String, seconds: Double = 20) -> Bool {
        let end = Date() + seconds
        while Date() < end {
            if standardError.contains(word) { return true }
            usleep(20_000)
        }
        return false
    }

    func send(_ signal: Int32) { kill(pid, signal) }

    struct Outcome {
        let output: String
        let error: String
        let status: Int32
    }

    /// Waits until the program has ended.
    func end() -> Outcome {
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let outcome = Outcome(output: text, error: standardError, status: process.terminationStatus)
        try? FileManager.default.removeItem(at: complaints)
        return outcome
    }

    func terminate() -> Outcome {
        process.terminate()
        return end()
    }

    /// Runs a program to its end.
    static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Outcome {
        try LiveProgram(name, arguments, environment: environment).end()
    }
}

/// The number, from 1, of the line with this text in a file of this package.
nonisolated func line(of text: String, in path: String, from file: String = #filePath) throws -> Int {
    let root = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let source = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    return try #require(lines.firstIndex { $0.contains(text) }) + 1
}
