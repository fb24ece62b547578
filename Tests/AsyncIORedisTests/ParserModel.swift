@testable import AsyncIORedis

/// A generator whose numbers depend only on its seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

/// What the parser must do with any bytes, checked against a value that was written.
nonisolated enum ParserModel {
    struct Failure: Error { let message: String }

    /// Writes random values, reads them back in random pieces, and then reads a damaged copy: both ways of cutting it
    /// must give the same values, and the same error.
    static func run(_ generator: inout some RandomNumberGenerator) throws {
        var stream: [UInt8] = []
        var values: [RedisValue] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let value = randomValue(3, &generator)
            values.append(value)
            write(value, to: &stream, &generator)
        }
        let limits = RedisLimits(stringSize: 4096, lineLength: 256, elementCount: 4096, depth: 16)
        let whole = parse(stream, limits, pieces: nil, &generator)
        guard whole.error == nil, same(whole.values, values) else {
            throw Failure(message: "wrote \(values), read \(whole)")
        }
        let pieces = parse(stream, limits, pieces: 1...20, &generator)
        guard pieces.error == nil, same(pieces.values, values) else {
            throw Failure(message: "wrote \(values), read \(pieces) in pieces")
        }
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !stream.isEmpty {
            let index = Int.random(in: 0..<stream.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: stream[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: stream.remove(at: index)
            case 2: stream.insert(one(of: Array("\r\n$*:%+-0123456789_#,(!=~>|".utf8), &generator), at: index)
            case 3: stream.removeSubrange(index..<min(stream.count, index + 7))
            default: stream.insert(contentsOf: stream[index..<min(stream.count, index + 9)], at: index)
            }
        }
        try check(stream, &generator)
    }

    /// Reads any bytes at once and in pieces, which must give the same.
    static func check(_ stream: [UInt8], _ generator: inout some RandomNumberGenerator) throws {
        let limits = RedisLimits(stringSize: 4096, lineLength: 256, elementCount: 4096, depth: 16)
        let whole = parse(stream, limits, pieces: nil, &generator)
        let pieces = parse(stream, limits, pieces: 1...3, &generator)
        guard same(whole.values, pieces.values), (whole.error == nil) == (pieces.error == nil) else {
            throw Failure(message: "at once \(whole), in pieces \(pieces), of \(stream)")
        }
    }

    private static func parse(
        _ stream: [UInt8], _ limits: RedisLimits, pieces: ClosedRange<Int>?,
        _ generator: inout some RandomNumberGenerator
    ) -> (values: [RedisValue], error: RedisProtocolError?) {
        var parser = RedisParser(limits: limits)
        var values: [RedisValue] = []
        var position = 0
        do throws(RedisProtocolError) {
            repeat {
                let size = pieces.map { Int.random(in: $0, using: &generator) } ?? stream.count
                let end = min(stream.count, position + size)
                parser.receive(stream[position..<end])
                position = end
                while let value = try parser.next() { values.append(value) }
            } while position < stream.count
        } catch {
            return (values, error)
        }
        return (values, nil)
    }

    /// Not a number is not equal to itself.
    private static func same(_ a: [RedisValue], _ b: [RedisValue]) -> Bool { a == b || "\(a)" == "\(b)" }

    private static func randomBytes(_ most: Int, _ generator: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<Int.random(in: 0...most, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private static func one<T>(of choices: [T], _ generator: inout some RandomNumberGenerator) -> T {
        choices[Int.random(in: choices.indices, using: &generator)]
    }

    private static func randomText(_ generator: inout some RandomNumberGenerator) -> String {
        String((0..<Int.random(in: 0...20, using: &generator)).map { _ in one(of: Array("abcXYZ 019äß€"), &generator) })
    }

    private static func randomValue(_ depth: Int, _ generator: inout some RandomNumberGenerator) -> RedisValue {
        func items() -> [RedisValue] {
            (0..<Int.random(in: 0...4, using: &generator)).map { _ in randomValue(depth - 1, &generator) }
        }
        switch Int.random(in: 0..<(depth > 0 ? 14 : 10), using: &generator) {
        case 0: return .null
        case 1: return .boolean(.random(using: &generator))
        case 2: return .integer(Int(truncatingIfNeeded: generator.next()) >> Int.random(in: 0..<64, using: &generator))
        case 3: return .double(one(of: [0, 1.5, -2e300, .infinity, -.infinity, .nan], &generator))
        case 4: return .bigNumber("-" + String(repeating: "7", count: Int.random(in: 1...50, using: &generator)))
        case 5: return .simpleString(randomText(&generator))
        case 6, 7: return .bulkString(randomBytes(300, &generator))
        case 8: return .error(RedisError("ERR " + randomText(&generator)))
        case 9: return .verbatim(RedisVerbatim(format: "txt", bytes: randomBytes(30, &generator)))
        case 10: return .array(items())
        case 11: return .set(items())
        case 12: return .push(items())
        default:
            return .map(items().map { RedisPair(key: $0, value: randomValue(depth - 1, &generator)) })
        }
    }

    private static func write(_ value: RedisValue, to out: inout [UInt8], _ generator: inout some RandomNumberGenerator)
    {
        func line(_ text: String) { out += Array("\(text)\r\n".utf8) }
        if Int.random(in: 0..<30, using: &generator) == 0 {
            line("|1")
            line("+ttl")
            line(":1")
        }
        switch value {
        case .null: line(one(of: ["_", "$-1", "*-1"], &generator))
        case .boolean(let flag): line(flag ? "#t" : "#f")
        case .integer(let number): line(":\(number)")
        case .double(let number): line(number.isNaN ? ",nan" : ",\(number)")
        case .bigNumber(let text): line("(\(text)")
        case .simpleString(let text): line("+\(text)")
        case .bulkString(let bytes):
            line("$\(bytes.count)")
            out += bytes + [13, 10]
        case .error(let error):
            if Bool.random(using: &generator) {
                line("-\(error.text)")
            } else {
                line("!\(error.text.utf8.count)")
                line(error.text)
            }
        case .verbatim(let text):
            line("=\(text.bytes.count + 4)")
            out += Array("\(text.format):".utf8) + text.bytes + [13, 10]
        case .array(let items), .set(let items), .push(let items):
            let mark = if case .array = value { "*" } else if case .set = value { "~" } else { ">" }
            line("\(mark)\(items.count)")
            for item in items { write(item, to: &out, &generator) }
        case .map(let pairs):
            line("%\(pairs.count)")
            for pair in pairs {
                write(pair.key, to: &out, &generator)
                write(pair.value, to: &out, &generator)
            }
        }
    }
}
