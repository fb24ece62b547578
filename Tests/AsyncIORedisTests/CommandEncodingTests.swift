import Testing

@testable import AsyncIORedis

/// The bytes that are sent for a command.
@Suite struct CommandEncodingTests {
    private func bytes(of command: RedisCommand) -> String {
        var outgoing: [UInt8] = []
        command.write(to: &outgoing)
        return String(decoding: outgoing, as: UTF8.self)
    }

    @Test func aCommandIsAnArrayOfBulkStrings() {
        #expect(bytes(of: RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
        #expect(
            bytes(of: RedisCommand("SET", "key", [UInt8]("value".utf8)))
                == "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n"
        )
        #expect(bytes(of: RedisCommand("GET", "")) == "*2\r\n$3\r\nGET\r\n$0\r\n\r\n")
        #expect(bytes(of: RedisCommand("GET", "aé".dropFirst())) == "*2\r\n$3\r\nGET\r\n$2\r\né\r\n")
    }

    @Test(arguments: [0, 9, 10, 99, 100, 12345, -1, -9, -10, -100, .max, .min])
    func aNumberIsSentInDecimal(_ number: Int) {
        let digits = String(number)
        #expect(
            bytes(of: RedisCommand("INCRBY", number)) == "*2\r\n$6\r\nINCRBY\r\n$\(digits.utf8.count)\r\n\(digits)\r\n")
    }

    @Test(arguments: [1, 9, 10, 11, 99, 100, 1000]) func theNumberOfArgumentsCanHaveSeveralDigits(_ count: Int) {
        var command = RedisCommand("DEL")
        for _ in 1..<count { command.append("k") }
        #expect(bytes(of: command) == "*\(count)\r\n$3\r\nDEL\r\n" + String(repeating: "$1\r\nk\r\n", count: count - 1))
        #expect(command.words.count == count)
    }

    @Test(arguments: [9, 10, 99, 100, 1_000_000]) func theSizeOfAStringCanHaveSeveralDigits(_ size: Int) {
        let value = String(repeating: "x", count: size)
        #expect(bytes(of: RedisCommand("ECHO", value)) == "*2\r\n$4\r\nECHO\r\n$\(size)\r\n\(value)\r\n")
    }

    @Test func appendingToACopyLeavesTheOriginal() {
        let command = RedisCommand("GET", "key")
        var copy = command
        copy.append("more")
        #expect(bytes(of: command) == "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n")
        #expect(bytes(of: copy) == "*3\r\n$3\r\nGET\r\n$3\r\nkey\r\n$4\r\nmore\r\n")
    }
}
