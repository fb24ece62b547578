/// A value of a JSON document. Numbers are integers, because scenarios have no others.
nonisolated enum JSON: Sendable {
    case null
    case bool(Bool)
    case number(Int)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Parses `text`. Returns nil if it is not JSON.
    init?(_ text: String) {
        var reader = Reader(bytes: Array(text.utf8))
        guard let value = reader.value() else { return nil }
        self = value
    }
}

/// Reads a document from its first byte to its last. Returns nil on any error.
private nonisolated struct Reader {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte = next, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    /// Takes `character` if it comes next, after any blanks.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard let byte = next, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    mutating func value() -> JSON? {
        skipBlanks()
        guard let byte = next else { return nil }
        switch Character(Unicode.Scalar(byte)) {
        case "{": return object()
        case "[": return array()
        case "\"": return string().map(JSON.string)
        case "n": return take(word: "null") ? .null : nil
        case "t": return take(word: "true") ? .bool(true) : nil
        case "f": return take(word: "false") ? .bool(false) : nil
        default: return number()
        }
    }

    private mutating func object() -> JSON? {
        guard take("{") else { return nil }
        var members: [String: JSON] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipBlanks()
            guard let name = string(), take(":"), let member = value() else { return nil }
            members[name] = member
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array() -> JSON? {
        guard take("[") else { return nil }
        var elements: [JSON] = []
        if take("]") { return .array(elements) }
        repeat {
            guard let element = value() else { return nil }
            elements.append(element)
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSON? {
        let start = position
        while let byte = next, byte == 0x2D || (0x30...0x39).contains(byte) { position += 1 }
        return Int(String(decoding: bytes[start..<position], as: UTF8.self)).map(JSON.number)
    }

    private mutating func string() -> String? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case 0x22: return String(decoding: text, as: UTF8.self)
            case 0x5C:
                guard let scalar = escape() else { return nil }
                text += Array(String(scalar).utf8)
            default: text.append(byte)
            }
        }
        return nil
    }

    /// Reads what follows a backslash. There are no surrogate pairs, because names and words are
    /// ASCII.
    private mutating func escape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        position += 1
        switch Character(Unicode.Scalar(byte)) {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "u":
            guard position + 4 <= bytes.count else { return nil }
            let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            position += 4
            return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
        default: return Unicode.Scalar(byte)
        }
    }
}
