import AsyncIO
import Testing

@Suite struct ExceptionGroupTests {
    private let nested = ExceptionGroup(
        "outer", [Boom(1), ExceptionGroup("inner", [Boom(2), TimeoutError()]), RuntimeError("three")])

    @Test func splittingKeepsTheNesting() throws {
        let (matching, rest) = nested.split { $0 is Boom }
        #expect(
            matching?.description
                == "outer (2 errors: Boom: boom 1; ExceptionGroup: inner (1 error: Boom: boom 2))")
        #expect(rest?.errors.count == 2)
        #expect((rest?.errors.first as? ExceptionGroup)?.errors.first is TimeoutError)
    }

    @Test func aPartWithoutErrorsIsNil() {
        #expect(nested.split { _ in true }.rest == nil)
        #expect(nested.subgroup { $0 is OSError } == nil)
        #expect(nested.subgroup { $0 is RuntimeError }?.errors.count == 1)
    }

    @Test func flatteningDropsTheNesting() {
        #expect(nested.flattened.map { "\($0)" } == ["boom 1", "boom 2", "the operation timed out", "three"])
    }
}
