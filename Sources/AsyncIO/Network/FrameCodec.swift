/// A format that divides a stream of bytes into messages.
///
/// To create a codec, implement two methods:
///
/// ```swift
/// struct PairCodec: FrameCodec {
///     func read(from reader: StreamReader) async throws -> (UInt8, UInt8)? {
///         if try await reader.peek(1).isEmpty { return nil }
///         let bytes = try await reader.readExactly(2)
///         return (bytes[0], bytes[1])
///     }
///     func encode(_ pair: (UInt8, UInt8)) -> [UInt8] { [pair.0, pair.1] }
/// }
/// ```
///
/// asyncio: none. tokio-util: `Decoder` and `Encoder`.
public protocol FrameCodec<Frame> {
    /// The type of a message.
    associatedtype Frame

    /// Reads the next frame.
    ///
    /// To make sure that no bytes are lost if the task is cancelled, read a header with ``StreamReader/peek(_:)``, and
    /// remove the header from the stream together with the rest of the frame.
    ///
    /// - Returns: The frame, or `nil` at the end of the stream.
    /// - Throws: An error if the bytes are not a valid frame. If the task is cancelled, the method should not lose any
    ///   bytes.
    func read(from reader: StreamReader) async throws -> Frame?

    /// Returns the bytes of a frame.
    ///
    /// - Throws: An error if the frame cannot be represented as bytes.
    func encode(_ frame: Frame) throws -> [UInt8]
}

extension StreamReader {
    /// Returns the frames of the stream as an asynchronous sequence.
    ///
    /// ```swift
    /// for try await message in reader.frames(.lengthPrefixed(maxLength: 65_536)) { try await handle(message) }
    /// ```
    ///
    /// tokio-util: `FramedRead`.
    @inlinable
    public func frames<Codec: FrameCodec>(_ codec: Codec) -> Frames<Codec> { Frames(reader: self, codec: codec) }
}

/// The frames of a stream; see ``StreamReader/frames(_:)``.
public struct Frames<Codec: FrameCodec>: AsyncSequence, AsyncIteratorProtocol {
    /// The type of a message.
    public typealias Element = Codec.Frame
    /// The type of the errors that the codec or the stream throws.
    public typealias Failure = any Error

    @usableFromInline let reader: StreamReader
    @usableFromInline let codec: Codec

    @inlinable
    init(reader: StreamReader, codec: Codec) {
        self.reader = reader
        self.codec = codec
    }

    /// Returns an iterator. All iterators of a reader share the same position.
    @inlinable
    public func makeAsyncIterator() -> Frames { self }

    /// Reads the next frame.
    ///
    /// - Returns: The frame, or `nil` at the end of the stream.
    /// - Throws: Any error of the codec or the stream; `CancellationError` if the task is cancelled.
    @inlinable
    public func next() async throws -> Codec.Frame? { try await codec.read(from: reader) }

    /// Reads the next frame; see ``next()``.
    ///
    /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
    @inlinable
    public func next(isolation actor: isolated (any Actor)?) async throws -> Codec.Frame? { try await next() }
}

extension StreamWriter {
    /// Sends a frame.
    ///
    /// - Parameters:
    ///   - frame: The message to send.
    ///   - codec: The format of the message.
    /// - Throws: Any error of the codec; otherwise the same errors as ``write(_:)-([UInt8])``, including
    ///   `CancellationError` if the task is cancelled.
    ///
    /// tokio-util: `FramedWrite`.
    @inlinable
    public func writeFrame<Codec: FrameCodec>(_ frame: Codec.Frame, _ codec: Codec) async throws {
        try await write(codec.encode(frame))
    }
}
