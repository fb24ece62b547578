import AsyncIO
import AsyncIOTesting
import Testing

@testable import Tour

struct TourTests {
    @Test(arguments: Program.all) func everyProgramPrintsItsLinesAtTheirTimes(program: Program) throws {
        var lines: [String] = []
        listener = { lines.append("\(seconds()) \($0)") }
        defer { listener = nil }
        switch program.body {
        case .main(let main): try runInVirtualTime(main)
        case .explicit(let main): try withVirtualLoop { try main($0.loop) }
        }
        #expect(lines.joined(separator: "\n") == transcripts[program.name])
    }

    @Test func everyProgramHasANameOfItsOwnAndATranscript() {
        #expect(Program.all.count == 26)
        #expect(Set(Program.all.map(\.name)) == Set(transcripts.keys))
    }
}

/// Returns the virtual time in seconds, without a fraction if it is a whole number.
private func seconds() -> String {
    let seconds = ((try? VirtualClock.current.elapsed) ?? .zero) / .seconds(1)
    return seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
}
