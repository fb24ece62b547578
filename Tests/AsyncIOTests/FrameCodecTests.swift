import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct FrameCodecTests {
    private func reader(_ bytes: [UInt8], ended: Bool = true) throws -> StreamReader {
        let reader = StreamReader()
        try reader.feed(bytes)
        if ended { reader.feedEOF() }
        return reader
    }

    private func frames<Codec: FrameCodec>(_ codec: Codec, _ bytes: [UInt8]) async throws -> [Codec.Frame] {
        var frames: [Codec.Frame] = []
        for try await frame in try reader(bytes).frames(codec) { frames.append(frame) }
        return frames
    }

    @Test func linesLoseTheirEnds() async throws {
        #expect(try await frames(.lines, Array("a\r\n\nb\rc\nlast".utf8)) == ["a", "", "b\rc", "last"])
        #expect(try await frames(.lines, []) == [])
        #expect(try LineCodec().encode("añb") == Array("añb\n".utf8))
        #expect(throws: ValueError.self) { try LineCodec().encode("a\nb") }
        await #expect(throws: ValueError.self) { try await frames(LineCodec(invalid: .reject), [0xFF, 0x0A]) }
    }

    @Test func lengthPrefixedFramesReturnAsTheyWere() async throws {
        let codec = LengthPrefixedCodec(length: UInt16.self, maxLength: 1_000, byteOrder: .little)
        let messages: [[UInt8]] = [[1, 2, 3], [], Array(repeating: 7, count: 300)]
        let bytes = try messages.flatMap { try codec.encode($0) }
        #expect(Array(bytes.prefix(5)) == [3, 0, 1, 2, 3])
        #expect(try await frames(codec, bytes) == messages)
        #expect(try await frames(.lengthPrefixed(maxLength: 9), [0, 0, 0, 1, 5]) == [[5]])
    }

    @Test func framesThatAreTooLongOrCutOffAreErrors() async throws {
        let codec = LengthPrefixedCodec(length: UInt8.self, maxLength: 3)
        await #expect(throws: LimitOverrunError.self) { try await frames(codec, [4, 0, 0, 0, 0]) }
        await #expect(throws: IncompleteReadError.self) { try await frames(codec, [3, 0]) }
        await #expect(throws: IncompleteReadError.self) { try await frames(.lengthPrefixed(maxLength: 9), [0, 0]) }
        #expect(throws: ValueError.self) { try codec.encode([1, 2, 3, 4]) }
        let wide = LengthPrefixedCodec(length: UInt8.self, maxLength: 1_000)
        #expect(throws: ValueError.self) { try wide.encode(Array(repeating: 0, count: 256)) }
        await #expect(throws: LimitOverrunError.self) {
            let huge = LengthPrefixedCodec(length: UInt64.self, maxLength: .max)
            return try await frames(huge, Array(repeating: 0xFF, count: 8))
        }
    }

    @Test func aCancelledReaderIsStillAtTheBeginningOfAFrame() async throws {
        let codec = LengthPrefixedCodec(length: UInt8.self, maxLength: 10)
        let reader = try reader([3, 1, 2], ended: false)
        let task = createTask { try await codec.read(from: reader) }
        try await sleep(.seconds(1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try reader.feed([3])
        #expect(try await codec.read(from: reader) == [1, 2, 3])
    }

    @Test func aCodecOfOnesOwn() async throws {
        struct Pairs: FrameCodec {
            func read(from reader: StreamReader) async throws -> [UInt8]? {
                if try await reader.peek(1).isEmpty { return nil }
                return try await reader.readExactly(2)
            }
            func encode(_ frame: [UInt8]) -> [UInt8] { frame }
        }
        #expect(try await frames(Pairs(), [1, 2, 3, 4]) == [[1, 2], [3, 4]])
        await #expect(throws: IncompleteReadError.self) { try await frames(Pairs(), [1]) }
    }

    @Test func integersAreReadInBothOrders() async throws {
        let reader = try reader([1, 2, 2, 1, 0xFF, 0xFF, 0xFE, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(try await reader.readInteger(as: UInt16.self) == 0x0102)
        #expect(try await reader.readInteger(as: UInt16.self, byteOrder: .little) == 0x0102)
        #expect(try await reader.readInteger(as: Int8.self) == -1)
        #expect(try await reader.readInteger(as: Int16.self) == -2)
        #expect(try await reader.readInteger(as: UInt64.self) == 0x0102_0304_0506_0708)
        await #expect(throws: IncompleteReadError.self) { try await reader.readInteger(as: UInt32.self) }
    }

    @Test func linesHaveALimitOfTheirOwn() async throws {
        let bytes = Array("123456\n123456\r\n\n123456".utf8)
        #expect(try await frames(.lines(maxLength: 6), bytes) == ["123456", "123456", "", "123456"])
        for long in ["1234567\n", "1234567\r\n", "1234567", "12345678\n", "1234567890123"] {
            let error = await #expect(throws: ValueError.self) {
                try await frames(.lines(maxLength: 6), Array("ok\n\(long)".utf8))
            }
            #expect(error?.message == "a line is longer than 6 bytes")
        }
        #expect(try LineCodec(maxLength: 6).encode("123456") == Array("123456\n".utf8))
        #expect(throws: ValueError.self) { try LineCodec(maxLength: 6).encode("1234567") }
        #expect(try await frames(.lines(maxLength: 0), [0x0A, 0x0A]) == ["", ""])
        // The limit of the reader counts if it is smaller.
        let reader = StreamReader(limit: 4)
        try reader.feed(Array("12345\n".utf8))
        await #expect(throws: ValueError.self) { try await LineCodec(maxLength: 6).read(from: reader) }
    }

    @Test func aLineThatIsTooLongIsRefusedBeforeItsEnd() async throws {
        let reader = try reader(Array("1234567890".utf8), ended: false)
        await #expect(throws: ValueError.self) { try await LineCodec(maxLength: 6).read(from: reader) }
    }

    @Test(arguments: [("", []), ("90", []), ("90\n", []), ("90\nnext", ["next"]), ("90\n\nlast\n", ["", "last"])])
    func theRestOfALineThatIsTooLongIsDroppedAsItArrives(rest: String, expected: [String]) async throws {
        let reader = try reader(Array("12345678".utf8), ended: false)
        let codec = LineCodec(maxLength: 6)
        await #expect(throws: ValueError.self) { try await codec.read(from: reader) }
        // A cancelled call has dropped what had arrived, and the line is still not over.
        try reader.feed(Array("abc".utf8))
        let cancelled = createTask { try await codec.read(from: reader) }
        try await sleep(.zero)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        try reader.feed(Array(rest.utf8))
        reader.feedEOF()
        var lines: [String] = []
        for try await line in reader.frames(codec) { lines.append(line) }
        #expect(lines == expected)
    }

    @Test func anotherReadTakesTheRestOfALineThatIsTooLong() async throws {
        let reader = try reader(Array("12345678".utf8), ended: false)
        await #expect(throws: ValueError.self) { try await LineCodec(maxLength: 6).read(from: reader) }
        try reader.feed(Array("90\nnext\n".utf8))
        #expect(try await reader.readLine() == Array("90\n".utf8))
        #expect(try await LineCodec(maxLength: 6).read(from: reader) == "next")
    }
}
