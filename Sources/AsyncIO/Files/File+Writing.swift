internal import AsyncIOSystem
internal import SystemPackage

extension File {
    /// Writes all of `bytes` at the current position, or at the end if the file was opened with
    /// ``File/Mode/append``.
    ///
    /// The system first buffers the bytes in memory. To wait until the bytes are on the disk, call ``sync(onlyData:)``.
    ///
    /// - Throws: ``OSError`` with the path; ``ValueError`` if the file is closed or was not opened for writing;
    ///   `CancellationError` if the task is cancelled. When this method throws, the position is after the last byte
    ///   that was written.
    ///
    /// Python: `write`.
    public func write(_ bytes: [UInt8]) async throws {
        try checkWritable("write()")
        try await turn.withLock {
            try checkOpen("write()")
            try await write(bytes, at: isSeekable && !mode.isAppending ? position : nil) { count in
                position += count
                if mode.isAppending, isSeekable { position = try size }
            }
        }
    }

    /// Writes `text` as UTF-8; see ``write(_:)-([UInt8])``.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``, including `CancellationError`.
    ///
    /// Python: `write`.
    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Writes all of `bytes` starting at `offset`, counted from the start of the file.
    ///
    /// This method neither uses nor moves the position, and does not wait for other operations.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``; ``ValueError`` if `offset` is negative or the file was
    ///   opened with ``File/Mode/append``; ``OSError`` with `.illegalSeek` if the file is not seekable (for example, a
    ///   pipe); `CancellationError` if the task is cancelled. After a cancellation, some of `bytes` may have been
    ///   written.
    ///
    /// Python: `os.pwrite`.
    public func write(_ bytes: [UInt8], at offset: Int) async throws {
        try checkWritable("write(at:)")
        try checkPositions(offset, "writing")
        if mode.isAppending {
            throw ValueError("write(at:) is not possible on a file opened with .append; use write(): \(path)")
        }
        try await write(bytes, at: offset) { _ in }
    }

    private func write(
        _ bytes: [UInt8], at offset: Int?, wrote: (Int) throws -> Void
    ) async throws {
        var written = 0
        while written < bytes.count {
            try await engine.giveWayIfDue()
            try checkOpen("write()")
            let part = bytes[written...].prefix(Self.portion)
            let request = FileRequest(
                .write(descriptor, offset: offset.map { Int64($0 + written) } ?? -1), copying: part)
            forgetAhead()
            let outcome = try await perform(request)
            forgetAhead()
            if case .success(let count) = outcome.result {
                written += count
                loop.spend(count)
                try wrote(count)
            }
            if let cancellation = outcome.cancellation { throw cancellation }
            if case .failure(let error) = outcome.result { throw failure(error, "writing") }
        }
    }

    /// Sets the length of the file to `size` bytes, or to the current position if `size` is `nil`.
    ///
    /// New bytes are zeros. The position does not move.
    ///
    /// - Throws: The same errors as ``write(_:)-([UInt8])``; ``ValueError`` if `size` is negative; `CancellationError`
    ///   if the task is cancelled. After a cancellation, the file may already have the new length.
    ///
    /// Python: `truncate`.
    public func truncate(to size: Int? = nil) async throws {
        try checkWritable("truncate()")
        try await turn.withLock {
            try checkOpen("truncate()")
            let size = size ?? position
            guard size >= 0 else { throw ValueError("size must not be negative, got \(size)") }
            let outcome = try await perform(FileRequest(.truncate(descriptor, size: Int64(size))))
            forgetAhead()
            if let cancellation = outcome.cancellation { throw cancellation }
            if case .failure(let error) = outcome.result { throw failure(error, "truncating") }
        }
    }

    /// Waits until all written data is on the disk.
    ///
    /// - Parameter onlyData: Whether to skip metadata that is not needed to read the file, such as timestamps.
    /// - Throws: ``OSError`` with the path; ``ValueError`` if the file is closed; `CancellationError` if the task is
    ///   cancelled. When this method throws an ``OSError``, data may have been lost.
    ///
    /// Python: `os.fsync`, `os.fdatasync`.
    public func sync(onlyData: Bool = false) async throws {
        try checkOpen("sync()")
        let outcome = try await perform(FileRequest(.sync(descriptor, onlyData: onlyData)))
        if let cancellation = outcome.cancellation { throw cancellation }
        if case .failure(let error) = outcome.result { throw failure(error, "syncing") }
    }

    // MARK: The position

    /// Moves the position. The new position may be beyond the end of the file.
    ///
    /// - Returns: The new position.
    /// - Throws: ``ValueError`` if the position would be negative, or the file is closed; ``OSError`` with
    ///   `.illegalSeek` if the file is not seekable (for example, a pipe); `CancellationError` if the task is cancelled
    ///   while it waits for other operations. In that case, the position does not move.
    ///
    /// Python: `seek`.
    @discardableResult
    public func seek(_ offset: Int, from origin: SeekOrigin = .start) async throws -> Int {
        try checkOpen("seek()")
        guard isSeekable else { throw failure(.illegalSeek, "seeking in") }
        return try await turn.withLock { try move(offset, from: origin) }
    }

    // Not inlined, because LLVM of Swift 6.3 crashes when it splits a function that contains this code.
    @inline(never)
    private func move(_ offset: Int, from origin: SeekOrigin) throws -> Int {
        try checkOpen("seek()")
        let base =
            switch origin.place {
            case .start: 0
            case .current: position
            case .end: try size
            }
        let (target, overflow) = base.addingReportingOverflow(offset)
        guard target >= 0, !overflow else {
            throw ValueError("position must not be negative, got \(base) plus offset \(offset): \(path)")
        }
        forgetAhead()
        position = target
        return target
    }

    /// The origin of an offset in ``seek(_:from:)``. Python: `whence`.
    public struct SeekOrigin: Sendable, Hashable {
        fileprivate enum Place { case start, current, end }
        fileprivate let place: Place

        /// The start of the file.
        public static let start = SeekOrigin(place: .start)
        /// The current position.
        public static let current = SeekOrigin(place: .current)
        /// The end of the file.
        public static let end = SeekOrigin(place: .end)
    }

    /// Discards the read-ahead buffer. For a pipe, this method does nothing, because the bytes of a pipe can be read
    /// only once and never become stale.
    private func forgetAhead() {
        guard isSeekable else { return }
        writes += 1
        ahead.removeAll()
    }
}
