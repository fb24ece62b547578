// Runs everything for a long time, and fails if something grows:
//
//     asyncio-soak --virtual 3600     an hour on loops in virtual time, with seeded schedules
//     asyncio-soak --real 300         five minutes of real sockets, processes, files, and signals
//
// Users come and go continuously, each with a scenario of its own, and many of them misbehave. From
// time to time they pause, and then nothing of them may be left.
import Foundation
import Glibc

do {
    let arguments = try Arguments(CommandLine.arguments.dropFirst())
    if arguments.virtual > 0 { try soakInVirtualTime(arguments) }
    if arguments.real > 0 { try soakInRealTime(arguments) }
} catch {
    say("FAILED: \(error)")
    exit(1)
}

/// Prints a line at once, even into a pipe.
func say(_ text: String) {
    print(text)
    fflush(nil)
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

struct Arguments {
    var virtual = 0
    var real = 0
    var seed: UInt64 = 1
    /// Only scenarios with this in their name; all if it is empty.
    var only = ""

    init(_ words: ArraySlice<String>) throws {
        var words = words
        while let word = words.popFirst() {
            guard let value = words.popFirst() else { throw Failure("\(word) needs a value") }
            if word == "--only" {
                only = value
                continue
            }
            guard let number = UInt64(value) else { throw Failure("\(word) needs a number") }
            switch word {
            case "--virtual": virtual = Int(number)
            case "--real": real = Int(number)
            case "--seed": seed = number
            default:
                throw Failure("unknown argument \(word); use --virtual, --real, --seed or --only")
            }
        }
        guard virtual > 0 || real > 0 else { throw Failure("pass --virtual SECONDS, --real SECONDS, or both") }
    }
}
