/// The order of the bytes of an integer.
public enum ByteOrder: Sendable {
    /// The most significant byte first, as in most network protocols.
    case big
    /// The least significant byte first.
    case little

    func integer<T: FixedWidthInteger>(_ bytes: some BidirectionalCollection<UInt8>) -> T {
        switch self {
        case .big: bytes.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
        case .little: bytes.reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
        }
    }

    func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        let bytes = (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
        switch self {
        case .big: return bytes.reversed()
        case .little: return bytes
        }
    }
}

extension StreamReader {
    /// Reads an integer of a fixed size.
    ///
    /// ```swift
    /// let length = try await reader.readInteger(as: UInt32.self)
    /// ```
    ///
    /// - Parameters:
    ///   - type: The type of the integer, which determines the number of bytes.
    ///   - byteOrder: The order of the bytes.
    /// - Throws: ``IncompleteReadError`` if the stream ends first; otherwise the same errors as ``read(_:)``. If the
    ///   task is cancelled, no bytes are lost.
    ///
    /// asyncio: `readexactly` and `int.from_bytes`. tokio: `AsyncReadExt::read_u32`.
    public func readInteger<T: FixedWidthInteger>(
        as type: T.Type = T.self, byteOrder: ByteOrder = .big
    ) async throws -> T {
        byteOrder.integer(try await readExactly(T.bitWidth / 8))
    }
}

extension StreamWriter {
    /// Sends an integer; see ``write(_:)-([UInt8])``.
    ///
    /// - Parameters:
    ///   - value: The integer, whose type determines the number of bytes.
    ///   - byteOrder: The order of the bytes.
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError` if the task is cancelled.
    ///
    /// asyncio: `write` and `int.to_bytes`. tokio: `AsyncWriteExt::write_u32`.
    public func writeInteger(_ value: some FixedWidthInteger, byteOrder: ByteOrder = .big) async throws {
        try await write(byteOrder.bytes(value))
    }
}
