import Testing

@testable import AsyncIORedis

@Suite struct ParserTests {
    nonisolated private static let samples: [(String, RedisValue)] = [
        ("+OK\r\n", .simpleString("OK")),
        ("-WRONGTYPE no\r\n", .error(RedisError("WRONGTYPE no"))),
        (":42\r\n", .integer(42)),
        (":-9223372036854775808\r\n", .integer(.min)),
        (":9223372036854775807\r\n", .integer(.max)),
        ("$5\r\nhal\r\n\r\n", .bulkString(Array("hal\r\n".utf8))),
        ("$0\r\n\r\n", .bulkString([])),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("_\r\n", .null),
        ("#t\r\n", .boolean(true)),
        ("#f\r\n", .boolean(false)),
        (",1.5\r\n", .double(1.5)),
        (",-inf\r\n", .double(-.infinity)),
        ("(123456789012345678901234567890\r\n", .bigNumber("123456789012345678901234567890")),
        ("!5\r\nERR x\r\n", .error(RedisError("ERR x"))),
        ("=7\r\ntxt:abc\r\n", .verbatim(RedisVerbatim(format: "txt", bytes: Array("abc".utf8)))),
        ("*0\r\n", .array([])),
        (
            "*3\r\n:1\r\n*2\r\n$1\r\na\r\n_\r\n*0\r\n",
            .array([.integer(1), .array([.bulkString([0x61]), .null]), .array([])])
        ),
        ("%1\r\n+a\r\n:1\r\n", .map([RedisPair(key: .simpleString("a"), value: .integer(1))])),
        ("~2\r\n:1\r\n:2\r\n", .set([.integer(1), .integer(2)])),
        (">2\r\n+message\r\n:2\r\n", .push([.simpleString("message"), .integer(2)])),
        ("|1\r\n+ttl\r\n:3600\r\n:5\r\n", .integer(5)),
        ("*2\r\n|1\r\n+a\r\n:3\r\n:5\r\n|0\r\n:6\r\n", .array([.integer(5), .integer(6)])),
    ]

    @Test func everyKindOfValueIsParsed() throws {
        for (text, value) in Self.samples {
            var parser = RedisParser()
            parser.receive(text.utf8)
            #expect(try parser.next() == value)
            #expect(try parser.next() == nil)
            #expect(parser.isIdle)
        }
    }

    @Test func valuesCanArriveInPiecesOfAnySize() throws {
        let stream = Array(Self.samples.map(\.0).joined().utf8)
        for size in 1...stream.count {
            var parser = RedisParser()
            var values: [RedisValue] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                parser.receive(stream[start..<min(stream.count, start + size)])
                while let value = try parser.next() { values.append(value) }
            }
            #expect(values == Self.samples.map(\.1))
            #expect(parser.isIdle)
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n", #"expected a reply in RESP, got: "HTTP/1.1 200 OK""#),
        ("\r\n", "expected a reply in RESP, got an empty line"),
        (":12x\r\n", #"expected an integer, got: "12x""#),
        (":9223372036854775808\r\n", #"expected an integer of 64 bits, got: "9223372036854775808""#),
        (":\r\n", #"expected an integer, got: """#),
        ("$-7\r\n", "a string has the size -7"),
        ("$2\r\nabcd", "a string of 2 bytes is not followed by a line ending"),
        ("*-2\r\n", "an array has -2 elements"),
        ("#x\r\n", #"expected a Boolean, got: "x""#),
        (",0x10\r\n", #"expected a double, got: "0x10""#),
        ("(1.5\r\n", #"expected a big number, got: "1.5""#),
        ("+a\rb\r\n", #"a line contains a carriage return: "+a""#),
        ("=3\r\nabc\r\n", "a verbatim string has no format"),
        ("%9223372036854775807\r\n", "a reply has more than 67108864 elements (RedisLimits.elementCount)"),
    ]) func whatIsNotRESPIsExplained(text: String, message: String) {
        var parser = RedisParser()
        parser.receive(text.utf8)
        #expect(throws: RedisProtocolError(message)) { try parser.next() }
    }

    @Test func limitsAreKept() throws {
        let limits = RedisLimits(stringSize: 10, lineLength: 20, elementCount: 6, depth: 3)
        func parse(_ text: String) throws {
            var parser = RedisParser(limits: limits)
            parser.receive(text.utf8)
            while try parser.next() != nil {}
        }
        try parse("$10\r\n0123456789\r\n")
        #expect(throws: RedisProtocolError.self) { try parse("$11\r\n") }
        try parse("+" + String(repeating: "x", count: 19) + "\r\n")
        #expect(throws: RedisProtocolError.self) { try parse("+" + String(repeating: "x", count: 20) + "\r\n") }
        #expect(throws: RedisProtocolError.self) { try parse("+" + String(repeating: "x", count: 21)) }
        try parse("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:1\r\n:2\r\n*6\r\n")
        #expect(throws: RedisProtocolError.self) { try parse("*2\r\n*2\r\n:1\r\n:2\r\n*3\r\n") }
        #expect(throws: RedisProtocolError.self) { try parse("*1\r\n*1\r\n*1\r\n*1\r\n") }
    }
}
