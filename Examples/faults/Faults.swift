// One program for each kind of fault that makes a program with an event loop hard to understand.
// Start one with ASYNCIO_INSPECT=1 and inspect it with `asyncio ps`, `asyncio pstree`, and
// `asyncio top`.
//
//     ASYNCIO_INSPECT=1 faults deadlock

import ArgumentParser
import AsyncIO
import Glibc

@main
struct Faults: ParsableCommand {
    nonisolated static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Runs a program with a fault, for you to inspect.")

    enum Fault: String, ExpressibleByArgument, CaseIterable {
        case deadlock, blocked, leak, forgotten
    }

    @Argument(help: "The fault: \(Fault.allCases.map(\.rawValue).joined(separator: ", ")).")
    var fault: Fault
    @Option(help: "How long to run, in seconds.")
    var seconds = 60.0

    func validate() throws {
        guard 0...86_400 ~= seconds else { throw ValidationError("--seconds must be in 0...86400, got \(seconds)") }
    }

    func run() throws {
        let fault = fault
        let time = Duration.seconds(seconds)
        AsyncIO.main {
            switch fault {
            case .deadlock: try await deadlock(time)
            case .blocked: try await blocked(time)
            case .leak: try await leak(time)
            case .forgotten: try await forgotten(time)
            }
        }
    }
}

/// Prints a line that says that the fault can now be inspected.
func sayReady() {
    print("ready")
    fflush(nil)
}
