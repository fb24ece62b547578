import Testing

/// Virtual time in a program that does not link Swift Testing; see also scripts/check-static.sh.
@Suite struct VirtualTimeProgramTests {
    @Test func aProgramHasVirtualClocksAndASimulatedNetwork() async throws {
        let lines = try await Program.run("virtual-clock-program", []).lines
        #expect(lines.last == "end")
        #expect(lines.dropLast().allSatisfy { $0.hasSuffix(" true") }, "\(lines)")
        #expect(lines.count == 23)
    }
}
