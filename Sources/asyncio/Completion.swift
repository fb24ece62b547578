internal import ArgumentParser
internal import AsyncIOSystem
internal import Foundation

/// Returns the processes that a shell offers as completions. These are the current user's programs that allow
/// inspection.
func processCompletions() -> [String] {
    InspectionChannel.processes().map { pid in
        let name = programName(of: pid)
        return switch CompletionShell.requesting {
        case .zsh: "\(pid):\(name)"
        case .fish: "\(pid)\t\(name)"
        default: "\(pid)"
        }
    }
}

/// Returns the names of the loops in the process whose ID is among the words of the command line.
func loopCompletions(after words: [String]) -> [String] {
    for pid in words.compactMap({ Int32($0) }) {
        guard let loops = try? Client(pid: pid).loops() else { continue }
        let names = loops.map(\.name)
        return CompletionShell.requesting == .zsh ? names.map { $0.replacing(":", with: "\\:") } : names
    }
    return []
}

/// Returns the name of a program, as the system shows it.
func programName(of pid: Int32) -> String {
    let text = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
    return printable(text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "?")
}
