/// A codec for frames that consist of a length followed by that number of bytes.
///
/// tokio-util: `LengthDelimitedCodec`. asyncio: `struct.unpack`, and `readexactly`.
//
// This code is inlinable, so that it is specialized in the user's module.
public struct LengthPrefixedCodec<Length: FixedWidthInteger & UnsignedInteger & Sendable>: FrameCodec, Sendable {
    /// The maximum length of a frame, in bytes. The maximum protects the program from peers that announce an excessive
    /// length.
    public let maxLength: Int
    /// The order of the bytes in the length.
    public let byteOrder: ByteOrder

    /// Creates a codec for frames that begin with a length.
    ///
    /// - Parameters:
    ///   - length: The integer type of the length, which determines how many bytes the length takes.
    ///   - maxLength: The maximum length of a frame, in bytes.
    ///   - byteOrder: The order of the bytes in the length.
    public init(length: Length.Type = Length.self, maxLength: Int, byteOrder: ByteOrder = .big) {
        self.maxLength = maxLength
        self.byteOrder = byteOrder
    }

    /// Reads a frame, and returns it without its length.
    ///
    /// - Returns: The frame, or `nil` at the end of the stream.
    /// - Throws: ``LimitOverrunError`` if the frame is longer than ``maxLength``; ``IncompleteReadError`` if the stream
    ///   ends within a frame; otherwise any error of the stream. If the task is cancelled, no bytes are lost.
    @inlinable
    public func read(from reader: StreamReader) async throws -> [UInt8]? {
        let size = Length.bitWidth / 8
        if try await reader.isAtEnd() { return nil }
        try await reader.waitForBytes(size)
        let length: Length = reader.nextInteger(byteOrder)
        guard length <= min(maxLength, .max - size) else {
            throw LimitOverrunError("a frame of \(length) bytes is longer than \(maxLength)", consumed: 0)
        }
        try await reader.waitForBytes(size + Int(length))
        reader.dropBytes(size)
        return reader.takeBytes(Int(length))
    }

    /// Returns the length of the frame, followed by the frame.
    ///
    /// - Throws: ``ValueError`` if the frame is longer than ``maxLength``, or if its length does not fit into `Length`.
    @inlinable
    public func encode(_ frame: [UInt8]) throws(ValueError) -> [UInt8] {
        let most = min(maxLength, Int(clamping: Length.max))
        guard frame.count <= most, let length = Length(exactly: frame.count) else {
            throw ValueError("a frame of \(frame.count) bytes is longer than \(most)")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Length.bitWidth / 8 + frame.count)
        byteOrder.append(length, to: &bytes)
        bytes += frame
        return bytes
    }
}

extension FrameCodec where Self == LengthPrefixedCodec<UInt32> {
    /// Returns a codec for frames that consist of a length in four big-endian bytes, followed by the content; see
    /// ``LengthPrefixedCodec``.
    public static func lengthPrefixed(maxLength: Int) -> Self { Self(maxLength: maxLength) }
}
