import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import SystemPackage
import Testing

/// The same operations here and in Python give the same bytes, positions, and errors.
@Suite(.requires(.python3), .eventLoop) struct FileAgainstPythonTests {
    nonisolated enum Step: CustomStringConvertible {
        case read(Int)
        case line
        case write(String)
        case seek(Int, File.SeekOrigin)
        case truncate(Int?)

        var description: String {
            switch self {
            case .read(let count): "read \(count)"
            case .line: "line"
            case .write(let text): "write \(text)"
            case .seek(let offset, .start): "seek \(offset) 0"
            case .seek(let offset, .current): "seek \(offset) 1"
            case .seek(let offset, _): "seek \(offset) 2"
            case .truncate(let size): "truncate \(size.map(String.init) ?? "")"
            }
        }

        static func random(_ numbers: inout some RandomNumberGenerator) -> Step {
            switch Int.random(in: 0..<10, using: &numbers) {
            case 0...2: .read(Int.random(in: -1...40, using: &numbers))
            case 3...4: .line
            case 5...6: .write(String("ab|cdefgh|".prefix(Int.random(in: 0...10, using: &numbers))))
            case 7...8:
                .seek(
                    Int.random(in: -10...60, using: &numbers),
                    [.start, .current, .end].randomElement(using: &numbers) ?? .start)
            default: .truncate(Bool.random(using: &numbers) ? nil : Int.random(in: -2...60, using: &numbers))
            }
        }

        /// The result as the Python script prints it.
        func run(on file: File) async -> String {
            let result: String
            do {
                switch self {
                case .read(let count): result = hex(try await file.read(count))
                case .line: result = hex(try await file.readLine())
                case .write(let text): result = try await write(text, to: file)
                case .seek(let offset, let origin): result = "\(try await file.seek(offset, from: origin))"
                case .truncate(let size):
                    try await file.truncate(to: size)
                    result = ""
                }
            } catch {
                result = "refused"
            }
            return "\(self): \(result) at \(file.position)"
        }

        private func write(_ text: String, to file: File) async throws -> String {
            try await file.write(text.replacing("|", with: "\n"))
            return ""
        }

        private func hex(_ bytes: [UInt8]) -> String {
            bytes.map { String(Int($0) + 256, radix: 16).suffix(2) }.joined()
        }
    }

    nonisolated static let script = """
        import sys
        path, mode = sys.argv[1:]
        try:
            file = open(path, mode)
        except OSError as error:
            print("errno", error.errno)
            sys.exit()
        for step in sys.stdin.read().splitlines():
            name, _, rest = step.partition(" ")
            result = ""
            try:
                if name == "read": result = file.read(int(rest)).hex()
                elif name == "line": result = file.readline().hex()
                elif name == "write": file.write(rest.replace("|", "\\n").encode()); file.flush()
                elif name == "seek": result = str(file.seek(*map(int, rest.split())))
                elif name == "truncate": file.truncate(int(rest) if rest else None)
            except (OSError, ValueError):
                result = "refused"
            print(f"{step}: {result} at {file.tell()}")
        """

    static let modes: [File.Mode] = [
        .read, .write, .append, .create, .read.updating, .write.updating, .append.updating, .create.updating,
    ]

    @Test(arguments: FileBackend.available, 0..<8)
    func everyModeDoesWhatPythonsDoes(backend: FileBackend, number: Int) async throws {
        try EventLoop.running.useFileBackend(backend)
        let directory = try Directory()
        let mode = Self.modes[number]
        var numbers = SplitMix(seed: UInt64(number))
        for exists in [true, false] {
            for name in ["ours", "pythons"] {
                try? FileManager.default.removeItem(atPath: directory(name))
                if exists { try directory.make(name, Array("first\n\nthird line\nlast, without its newline".utf8)) }
            }
            let steps = (0..<300).map { _ in Step.random(&numbers) }
            let expected = try await python(Self.script, [directory("pythons"), "\(mode)"], steps.map(\.description))
            var seen: [String] = []
            do {
                try await withFile(directory("ours"), mode) { file in
                    for step in steps { seen.append(await step.run(on: file)) }
                }
            } catch let error as OSError {
                seen = ["errno \(error.code.rawValue)"]
            }
            #expect(seen == expected)
            let content = try? directory.content("ours")
            #expect(content == (try? directory.content("pythons")))
        }
    }

    private func python(_ script: String, _ arguments: [String], _ input: [String]) async throws -> [String] {
        let outcome = try await Program.run(
            "python3", ["-ISc", script] + arguments, input: input.joined(separator: "\n"))
        return outcome.lines
    }
}

/// A generator that returns the same numbers each time.
nonisolated struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
