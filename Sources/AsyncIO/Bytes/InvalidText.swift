/// A policy for handling bytes that are not valid UTF-8 when text is read.
///
/// Python: the `errors` argument of `bytes.decode`.
public enum InvalidText: Sendable {
    /// Throw a ``ValueError`` with the position of the first invalid byte. Python: `"strict"`.
    case reject
    /// Replace invalid bytes with U+FFFD. Python: `"replace"`.
    case replace

    func text(_ bytes: some BidirectionalCollection<UInt8>) throws(ValueError) -> String {
        switch self {
        case .replace: return String(decoding: bytes, as: UTF8.self)
        case .reject:
            if let text = String(validating: bytes, as: UTF8.self) { return text }
            throw ValueError("the \(bytes.count) bytes are not valid UTF-8: \(Self.firstInvalid(bytes))")
        }
    }

    /// Returns a line as text without its newline, or nil if `bytes` is empty.
    func line(_ bytes: [UInt8]) throws(ValueError) -> String? {
        if bytes.isEmpty { return nil }
        return try text(bytes.last == 0x0A ? bytes.dropLast() : bytes[...])
    }

    /// Describes the first invalid byte and its position.
    private static func firstInvalid(_ bytes: some Collection<UInt8>) -> String {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        let byte = bytes[bytes.index(bytes.startIndex, offsetBy: offset)]
        return "byte 0x\(String(byte, radix: 16, uppercase: true)) at offset \(offset)"
    }
}
