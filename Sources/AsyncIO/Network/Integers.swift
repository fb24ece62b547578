/// The order of the bytes in an integer.
public enum ByteOrder: Sendable {
    /// The most significant byte comes first, as in most network protocols.
    case big
    /// The least significant byte comes first.
    case little

    /// Appends the bytes of an integer.
    @inlinable
    func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
        let value = self == .big ? value.byteSwapped : value
        for shift in stride(from: 0, to: T.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value &>> shift)) }
    }
}

extension StreamReader {
    /// Reads a fixed-size integer.
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
    //
    // This code is inlinable, so that it is specialized in the user's module.
    @inlinable
    public func readInteger<T: FixedWidthInteger>(
        as type: T.Type = T.self, byteOrder: ByteOrder = .big
    ) async throws -> T {
        try await waitForBytes(T.bitWidth / 8)
        let value: T = nextInteger(byteOrder)
        dropBytes(T.bitWidth / 8)
        return value
    }

    /// Returns the integer at the beginning of the buffered bytes.
    @inlinable
    func nextInteger<T: FixedWidthInteger>(_ byteOrder: ByteOrder) -> T {
        var value: T = 0
        for index in 0..<T.bitWidth / 8 { value |= T(truncatingIfNeeded: bufferedByte(index)) &<< (index * 8) }
        return byteOrder == .big ? value.byteSwapped : value
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
    @inlinable
    public func writeInteger(_ value: some FixedWidthInteger, byteOrder: ByteOrder = .big) async throws {
        var bytes: [UInt8] = []
        byteOrder.append(value, to: &bytes)
        try await write(bytes)
    }
}
