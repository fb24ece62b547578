extension StreamWriter {
    /// Runs `body` with a writer that collects data, and then sends all of the data together, with one system call if
    /// possible.
    ///
    /// ```swift
    /// try await writer.corked { message in
    ///     message.writeInteger(UInt32(payload.count))
    ///     message.write(payload)
    /// }
    /// ```
    ///
    /// Without this method, small writes can become separate packets. If `body` throws an error, nothing is sent, so a
    /// message is never sent in part. Other tasks can write to the stream while `body` runs. The data of those tasks is
    /// sent first.
    ///
    /// - Parameter body: A closure that writes the pieces of the message. The writes do not wait.
    /// - Returns: The value that `body` returns.
    /// - Throws: Any error that `body` throws; otherwise the same errors as ``write(_:)-([UInt8])``, including
    ///   `CancellationError` if the task is cancelled while it waits. In that case, the bytes are still sent.
    ///
    /// asyncio: `writelines`. Linux: `TCP_CORK`.
    public func corked<T>(
        _ body: nonisolated(nonsending) (CorkedWriter) async throws -> T
    ) async throws -> T {
        let corked = CorkedWriter()
        let value = try await body(corked)
        try await writeLines(corked.takePieces())
        return value
    }
}

/// A writer that collects bytes to send together; see ``StreamWriter/corked(_:)``. Use this writer only in the closure
/// that receives it. Data that is written after the closure returns is not sent.
public final class CorkedWriter {
    private var pieces: [[UInt8]] = []
    /// Small pieces that were written after the last element of `pieces`.
    @usableFromInline var small: [UInt8] = []

    fileprivate init() {}

    /// Adds bytes to the collected data.
    public func write(_ bytes: [UInt8]) {
        // Copying a small number of bytes costs less than adding a separate piece.
        if bytes.count <= 512 {
            small += bytes
        } else {
            endSmall()
            pieces.append(bytes)
        }
    }

    /// Adds text as UTF-8 to the collected data.
    public func write(_ text: String) { small += text.utf8 }

    /// Adds an integer to the collected data; see ``StreamWriter/writeInteger(_:byteOrder:)``.
    @inlinable
    public func writeInteger(_ value: some FixedWidthInteger, byteOrder: ByteOrder = .big) {
        byteOrder.append(value, to: &small)
    }

    fileprivate func takePieces() -> [[UInt8]] {
        endSmall()
        return pieces.take()
    }

    private func endSmall() { if !small.isEmpty { pieces.append(small.take()) } }
}
