// # The parser
//
// The bytes of a connection are received directly into the parser's buffer, and parsed in place. Only the bytes of
// strings are copied, into the values. The parser is incremental: it keeps incomplete arrays on a stack, so it parses
// no byte twice, regardless of how the data is split.

/// Converts the bytes that a server sends to values, in RESP2 and RESP3.
struct RedisParser {
    /// An array that is not complete yet.
    private struct Frame {
        let kind: UInt8
        /// The number of missing elements.
        var missing: Int
        var items: [RedisValue] = []

        init(_ kind: UInt8, _ count: Int) {
            self.kind = kind
            missing = count
            // The announced count can be wrong, so memory grows only with the elements that actually arrive.
            items.reserveCapacity(min(count, 1024))
        }
    }

    private let limits: RedisLimits
    /// The received bytes. Those before `head` have been parsed.
    private var buffer: [UInt8] = []
    private var head = 0
    /// The number of bytes after `head` that are known to contain no line end.
    private var scanned = 0
    /// The kind and the size of a string whose header has been parsed, but whose bytes have not all arrived.
    private var string: (kind: UInt8, size: Int)?
    private var stack: [Frame] = []
    /// The number of elements that the current reply has announced.
    private var elementCount = 0

    init(limits: RedisLimits = RedisLimits()) { self.limits = limits }

    /// Whether all bytes belong to complete values.
    var isIdle: Bool { stack.isEmpty && string == nil && head == buffer.count }

    // MARK: Receiving

    /// Passes free memory to `fill`, which writes the received bytes into it.
    mutating func receive(_ fill: (inout OutputSpan<UInt8>) throws -> Void) rethrows {
        if head == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= Self.mostKept)
            head = 0
        } else if head > Self.room, head > buffer.count / 2 {
            buffer.removeFirst(head)
            head = 0
        }
        let missing = string.map { $0.size - (buffer.count - head) } ?? 0
        try buffer.append(addingCapacity: max(Self.room, min(missing, Self.mostKept)), initializingWith: fill)
    }

    /// Adds bytes that were received elsewhere.
    mutating func receive(_ bytes: some Collection<UInt8>) {
        if head == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            head = 0
        }
        buffer.append(contentsOf: bytes)
    }

    private static let room = 64 * 1024
    private static let mostKept = 1 << 20

    // MARK: Parsing

    /// Returns the next value, or nil if it is not complete yet.
    ///
    /// - Throws: ``RedisProtocolError`` if the bytes are not valid. After an error, the parser cannot be used.
    mutating func next() throws(RedisProtocolError) -> RedisValue? {
        while true {
            guard var value = try scalar() else { return nil }
            // A value can complete the arrays that contain it.
            while true {
                if stack.isEmpty { return value }
                let last = stack.count - 1
                stack[last].items.append(value)
                stack[last].missing -= 1
                guard stack[last].missing == 0 else { break }
                let frame = stack.removeLast()
                if stack.isEmpty { elementCount = 0 }
                guard let whole = Self.aggregate(frame.kind, frame.items) else { break }
                value = whole
            }
        }
    }

    /// Returns the next value that has no elements. Pushes arrays onto the stack when they begin.
    private mutating func scalar() throws(RedisProtocolError) -> RedisValue? {
        while true {
            if let (kind, size) = string {
                guard buffer.count - head >= size + 2 else { return nil }
                string = nil
                return try takeString(kind, size)
            }
            if Self.isOK(buffer.span, at: head) {
                head += 5
                scanned = 0
                return .simpleString("OK")
            }
            if scanned == 0, let (kind, number, next) = Self.number(in: buffer.span, from: head) {
                switch kind {
                case 0x3A:
                    head = next
                    return .integer(number)
                case 0x24 where 0...limits.stringSize ~= number:
                    head = next
                    guard buffer.count - head >= number + 2 else {
                        string = (kind, number)
                        return nil
                    }
                    return try takeString(kind, number)
                case 0x2A:
                    head = next
                    if let empty = try begin(kind, number) { return empty }
                    continue
                default: break
                }
            }
            guard let end = try lineEnd() else { return nil }
            let kind = buffer[head]
            let start = head + 1
            head = end + 2
            switch kind {
            case 0x3A: return .integer(try integer(start..<end))
            case 0x24, 0x3D, 0x21: // $ = !
                let size = try integer(start..<end)
                if size == -1, kind == 0x24 { return .null }
                guard size >= 0 else { throw RedisProtocolError("a string has the size \(size)") }
                guard size <= limits.stringSize else {
                    throw RedisProtocolError(
                        "a string has \(size) bytes, but RedisLimits.stringSize is \(limits.stringSize)")
                }
                string = (kind, size)
            case 0x2B: return .simpleString(text(start..<end))
            case 0x2D: return .error(RedisError(text(start..<end)))
            case 0x2A, 0x25, 0x7E, 0x3E, 0x7C: // * % ~ > |
                let count = try integer(start..<end)
                if count == -1, kind == 0x2A { return .null }
                if let empty = try begin(kind, count) { return empty }
            case 0x5F:
                guard start == end else { throw malformed("null", start..<end) }
                return .null
            case 0x23:
                guard end == start + 1, buffer[start] == 0x74 || buffer[start] == 0x66 else {
                    throw malformed("a Boolean", start..<end)
                }
                return .boolean(buffer[start] == 0x74)
            case 0x2C: return .double(try double(start..<end))
            case 0x28:
                let digits = buffer[start] == 0x2D || buffer[start] == 0x2B ? start + 1 : start
                guard digits < end, buffer[digits..<end].allSatisfy({ (0x30...0x39).contains($0) }) else {
                    throw malformed("a big number", start..<end)
                }
                return .bigNumber(text(start..<end))
            default:
                throw RedisProtocolError("expected a reply in RESP, got: \(shown(start - 1..<end))")
            }
        }
    }

    /// Begins an array. Returns the array if it is empty.
    private mutating func begin(_ kind: UInt8, _ count: Int) throws(RedisProtocolError) -> RedisValue? {
        let isMap = kind == 0x25 || kind == 0x7C
        guard count >= 0 else { throw RedisProtocolError("an array has \(count) elements") }
        let (elements, isTooLarge) = isMap ? count.multipliedReportingOverflow(by: 2) : (count, false)
        guard !isTooLarge, elements <= limits.elementCount - elementCount else {
            throw RedisProtocolError("a reply has more than \(limits.elementCount) elements (RedisLimits.elementCount)")
        }
        elementCount += elements
        if elements == 0 { return Self.aggregate(kind, []) }
        guard stack.count < limits.depth else {
            throw RedisProtocolError("arrays are nested more than \(limits.depth) levels deep (RedisLimits.depth)")
        }
        stack.append(Frame(kind, elements))
        return nil
    }

    /// Creates an array from its elements. Returns nil for attributes, which are dropped.
    private static func aggregate(_ kind: UInt8, _ items: [RedisValue]) -> RedisValue? {
        switch kind {
        case 0x2A: .array(items)
        case 0x7E: .set(items)
        case 0x3E: .push(items)
        case 0x25:
            .map(
                stride(from: 0, to: items.count, by: 2).map { RedisPair(key: items[$0], value: items[$0 + 1]) })
        default: nil
        }
    }

    private mutating func takeString(_ kind: UInt8, _ size: Int) throws(RedisProtocolError) -> RedisValue {
        let end = head + size
        guard buffer[end] == 0x0D, buffer[end + 1] == 0x0A else {
            throw RedisProtocolError("a string of \(size) bytes is not followed by a line ending")
        }
        // SAFETY: the range is within the buffer, as the caller has checked, and the bytes are copied.
        let start = head
        let bytes = unsafe buffer.withUnsafeBufferPointer { bytes in
            unsafe Array(UnsafeBufferPointer(rebasing: bytes[start..<end]))
        }
        head = end + 2
        switch kind {
        case 0x24: return .bulkString(bytes)
        case 0x21: return .error(RedisError(String(decoding: bytes, as: UTF8.self)))
        default:
            guard bytes.count >= 4, bytes[3] == 0x3A else {
                throw RedisProtocolError("a verbatim string has no format")
            }
            return .verbatim(RedisVerbatim(storage: bytes))
        }
    }

    // MARK: Lines

    /// Whether the bytes begin with `+OK` and a line end, which is the most frequent reply.
    @inline(__always)
    private static func isOK(_ bytes: Span<UInt8>, at start: Int) -> Bool {
        start <= bytes.count - 5 && bytes[start] == 0x2B && bytes[start + 1] == 0x4F && bytes[start + 2] == 0x4B
            && bytes[start + 3] == 0x0D && bytes[start + 4] == 0x0A
    }

    /// Reads a short line that consists of a kind and a number without a sign. Returns nil if the line has another
    /// form, or is not complete.
    @inline(__always)
    private static func number(
        in bytes: Span<UInt8>, from start: Int
    ) -> (kind: UInt8, number: Int, next: Int)? {
        let end = min(bytes.count, start + 18)
        var number = 0
        var index = start + 1
        while index < end {
            let byte = bytes[index]
            let digit = Int(byte) &- 0x30
            guard 0...9 ~= digit else {
                guard byte == 0x0D, index > start + 1, index + 1 < bytes.count, bytes[index + 1] == 0x0A else {
                    return nil
                }
                return (bytes[start], number, index + 2)
            }
            number = number &* 10 &+ digit
            index += 1
        }
        return nil
    }

    /// Returns the end of the line that begins at `head`, or nil if the end has not arrived.
    private mutating func lineEnd() throws(RedisProtocolError) -> Int? {
        let count = buffer.count
        var index = head + scanned
        while index < count {
            if buffer[index] == 0x0D {
                guard index + 1 < count else { break }
                guard buffer[index + 1] == 0x0A else {
                    throw RedisProtocolError("a line contains a carriage return: \(shown(head..<index))")
                }
                guard index > head else { throw RedisProtocolError("expected a reply in RESP, got an empty line") }
                try checkLength(index - head)
                scanned = 0
                return index
            }
            index += 1
        }
        scanned = index - head
        try checkLength(scanned)
        return nil
    }

    private func checkLength(_ length: Int) throws(RedisProtocolError) {
        guard length <= limits.lineLength else {
            throw RedisProtocolError(
                "a line is longer than \(limits.lineLength) bytes (RedisLimits.lineLength): \(shown(head..<head + 40))")
        }
    }

    private func integer(_ range: Range<Int>) throws(RedisProtocolError) -> Int {
        var index = range.lowerBound
        guard index < range.upperBound else { throw malformed("an integer", range) }
        let isNegative = buffer[index] == 0x2D
        if isNegative || buffer[index] == 0x2B { index += 1 }
        guard index < range.upperBound else { throw malformed("an integer", range) }
        var number = 0
        while index < range.upperBound {
            let digit = Int(buffer[index]) - 0x30
            guard 0...9 ~= digit else { throw malformed("an integer", range) }
            let (product, hasOverflowed) = number.multipliedReportingOverflow(by: 10)
            let (sum, hasOverflowedToo) = product.subtractingReportingOverflow(digit)
            if hasOverflowed || hasOverflowedToo { throw malformed("an integer of 64 bits", range) }
            number = sum
            index += 1
        }
        if isNegative { return number }
        // The number is negated while it is parsed, because the smallest integer has no positive counterpart.
        guard number != .min else { throw malformed("an integer of 64 bits", range) }
        return -number
    }

    private func double(_ range: Range<Int>) throws(RedisProtocolError) -> Double {
        let line = text(range)
        switch line {
        case "inf", "+inf": return .infinity
        case "-inf": return -.infinity
        case "nan", "-nan": return .nan
        default:
            let isDecimal = line.utf8.allSatisfy { (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }
            guard isDecimal, let number = Double(line) else { throw malformed("a double", range) }
            return number
        }
    }

    private func text(_ range: Range<Int>) -> String { String(decoding: buffer[range], as: UTF8.self) }

    private func malformed(_ kind: String, _ range: Range<Int>) -> RedisProtocolError {
        RedisProtocolError("expected \(kind), got: \(shown(range))")
    }

    private func shown(_ range: Range<Int>) -> String {
        text(range.prefix(100).clamped(to: buffer.indices)).debugDescription
    }
}

extension Range<Int> {
    fileprivate func prefix(_ count: Int) -> Range<Int> { lowerBound..<Swift.min(upperBound, lowerBound + count) }
}
