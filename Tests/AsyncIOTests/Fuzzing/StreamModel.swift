import AsyncIO

// The behavior that StreamReader must have, written as simply as possible. All bytes are there at
// once, and a call searches them with the standard library's own algorithms. Fuzzing compares the
// two (Tests/Fuzz), and StreamFuzzTests replays what it found.
//
// An input consists of a byte for the limit (1 to 64), a byte for the number of bytes in the
// stream, those bytes (folded to the first few letters, so that separators match often), and then
// calls of two bytes each: the kind of call, and its argument. The stream arrives in parts. Before
// each call, as many bytes arrive as the upper bits of its first byte say. The rest, and the end,
// arrive when a call would wait.

/// The outcome of a call, as text.
typealias Outcome = String

nonisolated enum StreamCall {
    case read(Int)
    case readExactly(Int)
    case readLine
    case readUntil([[UInt8]])

    init(_ code: UInt8, _ argument: UInt8) {
        let letters: [UInt8] = [0x0A, 0x61, 0x62, 0x63]
        func separator(_ bits: UInt8) -> [UInt8] {
            let first = letters[Int(bits & 3)]
            switch bits >> 2 & 3 {
            case 0: return [first]
            case 1: return [first, first]
            case 2: return [0x61, first]
            default: return [first, 0x62, 0x61]
            }
        }
        switch code & 3 {
        case 0: self = .read(Int(argument & 31))
        case 1: self = .readExactly(Int(argument & 63))
        case 2: self = .readLine
        default:
            self = .readUntil(
                argument & 1 == 0 ? [separator(argument >> 4)] : [separator(argument >> 4), separator(argument)])
        }
    }
}

/// The model's state of the stream: what has arrived, and whether that is all.
nonisolated struct StreamModel {
    var bytes: [UInt8] = []
    let limit: Int

    /// Returns the outcome once everything that the call waits for has arrived. `rest` is what is
    /// still to come. The model takes from it all that the reader would have waited for.
    mutating func run(_ call: StreamCall, rest: inout [UInt8]) -> Outcome {
        switch call {
        case .read(let count):
            if count == 0 { return "[]" }
            if bytes.isEmpty { arrive(&rest) }
            return take(min(count, bytes.count))
        case .readExactly(let count):
            if bytes.count < count { arrive(&rest) }
            if bytes.count < count { return "incomplete \(take(bytes.count)) of \(count)" }
            return take(count)
        case .readLine:
            switch find([[0x0A]], &rest) {
            case .found(let match): return take(match.upperBound)
            case .none: return take(bytes.count)
            case .overrun(let consumed, _):
                if bytes.dropFirst(consumed).first == 0x0A {
                    bytes.removeFirst(consumed + 1)
                } else {
                    bytes = []
                }
                return "too long"
            }
        case .readUntil(let separators):
            switch find(separators, &rest) {
            case .found(let match): return take(match.upperBound)
            case .none: return "incomplete \(take(bytes.count)) of nil"
            case .overrun(let consumed, let isFound): return "overrun \(consumed) \(isFound)"
            }
        }
    }

    private enum Search {
        case found(Range<Int>)
        case none
        case overrun(Int, isFound: Bool)
    }

    /// Searches as CPython's readuntil does: look, then wait. It looks only at what has arrived so
    /// far, so a limit can be exceeded before a separator arrives.
    private func find(_ separators: [[UInt8]], in bytes: [UInt8]) -> Search? {
        let matches = separators.compactMap { separator in
            bytes.indices.first { bytes[$0...].starts(with: separator) }.map { $0..<$0 + separator.count }
        }
        if let match = matches.min(by: { ($0.upperBound, $0.count) < ($1.upperBound, $1.count) }) {
            return match.lowerBound > limit ? .overrun(match.lowerBound, isFound: true) : .found(match)
        }
        let longest = separators.map(\.count).max() ?? 0
        let offset = max(0, bytes.count + 1 - longest)
        let shortest = separators.map(\.count).min() ?? 0
        return offset > limit && bytes.count >= shortest ? .overrun(offset, isFound: false) : nil
    }

    private mutating func find(_ separators: [[UInt8]], _ rest: inout [UInt8]) -> Search {
        if let search = find(separators, in: bytes) { return search }
        arrive(&rest)
        return find(separators, in: bytes) ?? .none
    }

    private mutating func arrive(_ rest: inout [UInt8]) {
        bytes += rest
        rest = []
    }

    private mutating func take(_ count: Int) -> Outcome {
        defer { bytes.removeFirst(count) }
        return "\(Array(bytes[..<count]))"
    }
}

/// Runs an input. Returns nil if the reader and the model agree, or else both outcomes.
nonisolated(nonsending) func disagreement(on input: [UInt8]) async throws -> String? {
    guard input.count >= 2 else { return nil }
    let limit = Int(input[0] & 63) + 1
    let letters: [UInt8] = [0x0A, 0x61, 0x62, 0x63]
    var rest = input.dropFirst(2).prefix(Int(input[1])).map { letters[Int($0 & 3)] }
    let calls = Array(input.dropFirst(2 + Int(input[1])).prefix(200))

    let reader = StreamReader(limit: limit)
    var model = StreamModel(limit: limit)
    var hasEnded = false
    for index in stride(from: 0, to: calls.count - 1, by: 2) {
        let part = Array(rest.prefix(Int(calls[index] >> 2)))
        if !part.isEmpty, !hasEnded {
            try reader.feed(part)
            model.bytes += part
            rest.removeFirst(part.count)
        }
        let call = StreamCall(calls[index], calls[index + 1])
        let reading = createTask { try await outcome(of: call, reader) }
        try await sleep(.zero)
        try await sleep(.zero)
        var modelRest = rest
        let expected = model.run(call, rest: &modelRest)
        if !reading.isDone, !hasEnded {
            hasEnded = true
            if !rest.isEmpty { try reader.feed(rest) }
            reader.feedEOF()
        }
        if modelRest.isEmpty, !hasEnded, !rest.isEmpty {
            return "\(call): the model waits for more, the reader does not"
        }
        if hasEnded { rest = [] }
        let actual = try await reading.value
        if actual != expected { return "\(call), limit \(limit): \(actual), and not \(expected)" }
        if reader.isAtEOF != (hasEnded && model.bytes.isEmpty) { return "\(call): isAtEOF is \(reader.isAtEOF)" }
    }
    return nil
}

private nonisolated(nonsending) func outcome(of call: StreamCall, _ reader: StreamReader) async throws -> Outcome {
    do {
        switch call {
        case .read(let count): return "\(try await reader.read(count))"
        case .readExactly(let count): return "\(try await reader.readExactly(count))"
        case .readLine: return "\(try await reader.readLine())"
        case .readUntil(let separators): return "\(try await reader.readUntil(anyOf: separators))"
        }
    } catch let error as IncompleteReadError {
        return "incomplete \(error.partial) of \(error.expected.map(String.init) ?? "nil")"
    } catch let error as LimitOverrunError {
        return "overrun \(error.consumed) \(error.message.contains("is found"))"
    } catch is ValueError {
        return "too long"
    }
}
