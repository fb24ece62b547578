import AsyncIO
import AsyncIOTesting
import Testing

/// A stream reader by itself, with bytes fed by the test.
@Suite(.virtualTime) struct StreamReaderTests {
    private func reader(_ text: String, limit: Int = 65_536, ended: Bool = true) throws -> StreamReader {
        let reader = StreamReader(limit: limit)
        try reader.feed(Array(text.utf8))
        if ended { reader.feedEOF() }
        return reader
    }

    @Test func aLimitThatIsNotPositiveIsAnError() {
        #expect(throws: ValueError.self) { try StreamReader(validatingLimit: 0) }
        #expect(throws: ValueError.self) { try StreamReader(validatingLimit: -5) }
    }

    @Test func readReturnsWhatIsThereUpToTheCount() async throws {
        let reader = try reader("abcdef")
        #expect(text(try await reader.read(4)) == "abcd")
        #expect(text(try await reader.read(4)) == "ef")
        #expect(try await reader.read(4).isEmpty)
        #expect(reader.isAtEOF)
    }

    @Test func readOfZeroBytesDoesNotWait() async throws {
        let reader = try reader("", ended: false)
        #expect(try await reader.read(0).isEmpty)
    }

    @Test func readWithoutACountReadsToTheEndWhateverTheLimit() async throws {
        let reader = try reader("0123456789", limit: 3)
        #expect(text(try await reader.read()) == "0123456789")
    }

    @Test func readWaitsOnlyIfNothingIsThere() async throws {
        let reader = try reader("", ended: false)
        let task = createTask { try await reader.read(10) }
        try await sleep(.seconds(1))
        #expect(!task.isDone)
        try reader.feed([65])
        #expect(try await task.value == [65])
    }

    @Test func aSecondReadAtTheSameTimeIsAnError() async throws {
        let reader = try reader("", ended: false)
        let first = createTask { try await reader.read(10) }
        try await sleep(.zero)
        await #expect(throws: RuntimeError.self) { try await reader.readLine() }
        reader.feedEOF()
        #expect(try await first.value.isEmpty)
    }

    @Test func readExactlyIsNotBoundByTheLimit() async throws {
        let reader = try reader("0123456789", limit: 3)
        #expect(text(try await reader.readExactly(7)) == "0123456")
        #expect(try await reader.readExactly(0).isEmpty)
    }

    @Test func readExactlyAtAnEarlyEndTellsWhatCameAndEmptiesTheStream() async throws {
        let reader = try reader("abc")
        let error = await #expect(throws: IncompleteReadError.self) { try await reader.readExactly(5) }
        #expect(error?.partial == Array("abc".utf8))
        #expect(error?.expected == 5)
        #expect(reader.isAtEOF)
    }

    @Test func readExactlyOfANegativeCountIsAnError() async throws {
        let reader = try reader("abc")
        await #expect(throws: ValueError.self) { try await reader.readExactly(-1) }
    }

    @Test func readUntilReturnsTheSeparatorToo() async throws {
        let reader = try reader("one--two--")
        #expect(text(try await reader.readUntil(Array("--".utf8))) == "one--")
        #expect(text(try await reader.readUntil(Array("--".utf8))) == "two--")
    }

    @Test func readUntilFindsASeparatorThatComesInPieces() async throws {
        let reader = try reader("one\r", ended: false)
        let task = createTask { try await reader.readUntil([13, 10]) }
        try await sleep(.zero)
        try reader.feed(Array("\nrest".utf8))
        #expect(text(try await task.value) == "one\r\n")
        #expect(text(try await reader.read(10)) == "rest")
    }

    @Test func readUntilOfSeveralSeparatorsTakesTheOneThatEndsFirst() async throws {
        let reader = try reader("a|b;c")
        let separators = [Array(";".utf8), Array("|".utf8)]
        #expect(text(try await reader.readUntil(anyOf: separators)) == "a|")
        #expect(text(try await reader.readUntil(anyOf: separators)) == "b;")
    }

    @Test func readUntilOfNoOrAnEmptySeparatorIsAnError() async throws {
        let reader = try reader("abc")
        await #expect(throws: ValueError.self) { try await reader.readUntil([]) }
        await #expect(throws: ValueError.self) { try await reader.readUntil(anyOf: []) }
    }

    @Test func readUntilAtTheEndTellsWhatCame() async throws {
        let reader = try reader("abc")
        let error = await #expect(throws: IncompleteReadError.self) { try await reader.readUntil([10]) }
        #expect(error?.partial == Array("abc".utf8))
        #expect(error?.expected == nil)
    }

    @Test func aSeparatorBehindTheLimitLeavesTheBytesInTheStream() async throws {
        let reader = try reader("abcdefgh;", limit: 5, ended: false)
        let found = await #expect(throws: LimitOverrunError.self) { try await reader.readUntil([0x3B]) }
        #expect(found?.consumed == 8)
        #expect(text(try await reader.readExactly(9)) == "abcdefgh;")
    }

    @Test func noSeparatorWithinTheLimitTellsHowMuchMayBeSkipped() async throws {
        let reader = try reader("abcdefgh", limit: 5, ended: false)
        let missing = await #expect(throws: LimitOverrunError.self) { try await reader.readUntil([0x2D, 0x2D]) }
        #expect(missing?.consumed == 7)
    }

    @Test func readLineReturnsAPartialLineAtTheEndAndThenNothing() async throws {
        let reader = try reader("one\ntwo")
        #expect(text(try await reader.readLine()) == "one\n")
        #expect(text(try await reader.readLine()) == "two")
        #expect(try await reader.readLine().isEmpty)
    }

    @Test func aLineThatIsTooLongIsDropped() async throws {
        let reader = try reader("toolong\nok\n", limit: 4)
        await #expect(throws: ValueError.self) { try await reader.readLine() }
        #expect(text(try await reader.readLine()) == "ok\n")
    }

    @Test func linesEndAtTheEndOfTheStream() async throws {
        var lines: [String] = []
        for try await line in try reader("one\ntwo\n\nthree").lines { lines.append(line) }
        #expect(lines == ["one", "two", "", "three"])
    }

    @Test func anErrorIsThrownByTheReadThatWaitsAndByEveryLaterOne() async throws {
        let reader = try reader("", ended: false)
        let task = createTask { try await reader.readLine() }
        try await sleep(.zero)
        reader.setError(ValueError("broken"))
        await #expect(throws: ValueError.self) { try await task.value }
        await #expect(throws: ValueError.self) { try await reader.read(1) }
    }

    @Test func aCancelledReadLosesNoBytes() async throws {
        let reader = try reader("abc", ended: false)
        let task = createTask { try await reader.readExactly(5) }
        try await sleep(.zero)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try reader.feed(Array("de".utf8))
        #expect(text(try await reader.readExactly(5)) == "abcde")
    }

    @Test func feedingAfterTheEndIsAnError() throws {
        let reader = try reader("abc")
        #expect(throws: RuntimeError.self) { try reader.feed([1]) }
    }
}
