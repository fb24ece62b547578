// One program for each fault that makes a program with an event loop hard to understand, and
// what there is against it. Start one with ASYNCIO_INSPECT=1 and look at it with
// `asyncio ps`, `asyncio pstree` and `asyncio top`.
//
//     ASYNCIO_INSPECT=1 faults deadlock

import ArgumentParser
import AsyncIO
import Glibc

@main
struct Faults: ParsableCommand {
    nonisolated static let configuration = CommandConfiguration(
        commandName: "faults", abstract: "Programs with one fault each, to look into.")

    enum Fault: String, ExpressibleByArgument, CaseIterable {
        case deadlock, blocked, leak, forgotten
    }

    @Argument(help: "Which fault: \(Fault.allCases.map(\.rawValue).joined(separator: ", ")).")
    var fault: Fault
    @Option(help: "How long to run, in seconds.")
    var seconds = 60.0

    func validate() throws {
        guard 0...86_400 ~= seconds else { throw ValidationError("--seconds must be from 0 to 86400.") }
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

/// Tells who looks at the program that there is something to see.
func sayReady() {
    print("ready")
    fflush(nil)
}
