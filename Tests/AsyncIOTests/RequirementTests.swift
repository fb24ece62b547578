import Testing

/// Tests whose requirements the machine does not meet.
@Suite struct RequirementTests {
    private let missing = Requirement.program("no-such-program", package: "no-such-package")

    private func outcome(_ trait: RequirementTrait) async -> (any Error)? {
        guard let test = Test.current else { return nil }
        return await thrown { try await trait.prepare(for: test) }
    }

    @Test func aTestThatLacksAProgramIsSkippedWithAReasonThatNamesIt() async throws {
        let skip = try #require(
            await outcome(RequirementTrait(requirements: [missing], arePeersRequired: false)))
        #expect(!(skip is MissingRequirement))
        #expect("\(skip)".contains("needs no-such-program (Debian package: no-such-package)"))
    }

    @Test func whereProgramsAreRequiredItFails() async throws {
        let failure = try #require(
            await outcome(RequirementTrait(requirements: [missing], arePeersRequired: true)) as? MissingRequirement)
        #expect(failure.description.contains("lacks no-such-program (Debian package: no-such-package). Install it"))
    }

    @Test func whatIsThereIsNoReasonToSkip() async {
        let there = Requirement.program("sleep", package: "coreutils")
        #expect(await outcome(RequirementTrait(requirements: [there], arePeersRequired: true)) == nil)
    }
}
