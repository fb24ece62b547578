internal import ArgumentParser
internal import AsyncIOSystem
internal import Foundation

/// The programs that a shell offers when it completes the process to inspect: those of this user
/// that allow inspection.
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

/// The name of a program, as the system shows it.
func programName(of pid: Int32) -> String {
    let text = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
    return printable(text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "?")
}
