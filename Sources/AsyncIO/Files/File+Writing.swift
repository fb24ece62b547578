internal import AsyncIOSystem
internal import SystemPackage

extension File {
    /// Writes all of `bytes` at the position; at the end of the file, if it was opened to
    /// append.
    ///
    /// The system keeps them in memory at first: ``sync(onlyData:)`` waits until they are on
    /// the disk.
    ///
    /// - Throws: ``OSError`` that names the path; ``ValueError`` if the file is closed or was
    ///   not opened for writing; `CancellationError`. However it ends, the position is after
    ///   what was written.
    ///
    /// Python: `write`.
    public nonisolated(nonsending) func write(_ bytes: [UInt8]) async throws {
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
    public nonisolated(nonsending) func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Writes all of `bytes` from `offset` on, counted from the start. Neither uses the
    /// position nor changes it, and takes no turn.
    ///
    /// - Throws: as ``write(_:)-([UInt8])``; ``ValueError`` if `offset` is negative, or if the
    ///   file was opened to append; ``OSError`` with `.illegalSeek` if the file has no
    ///   positions (a pipe).
    ///
    /// Python: `os.pwrite`.
    public nonisolated(nonsending) func write(_ bytes: [UInt8], at offset: Int) async throws {
        try checkWritable("write(at:)")
        try checkPositions(offset, "writing")
        if mode.isAppending {
            throw ValueError("write(at:) of a file that was opened to append, which the system then does: \(path)")
        }
        try await write(bytes, at: offset) { _ in }
    }

    private nonisolated(nonsending) func write(
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

    /// Makes the file `size` bytes long, or ends it at the position; what is new is zeros. The
    /// position stays.
    ///
    /// - Throws: as ``write(_:)-([UInt8])``; ``ValueError`` if `size` is negative.
    ///
    /// Python: `truncate`.
    public nonisolated(nonsending) func truncate(to size: Int? = nil) async throws {
        try checkWritable("truncate()")
        try await turn.withLock {
            try checkOpen("truncate()")
            let size = size ?? position
            guard size >= 0 else { throw ValueError("truncate() needs a size that is not negative, not \(size)") }
            let outcome = try await perform(FileRequest(.truncate(descriptor, size: Int64(size))))
            forgetAhead()
            if let cancellation = outcome.cancellation { throw cancellation }
            if case .failure(let error) = outcome.result { throw failure(error, "truncating") }
        }
    }

    /// Waits until what was written is on the disk.
    ///
    /// - Parameter onlyData: not the file's times and the like, which it can be read without.
    /// - Throws: ``OSError`` that names the path: then it may be lost; ``ValueError`` if the file
    ///   is closed; `CancellationError`.
    ///
    /// Python: `os.fsync`, `os.fdatasync`.
    public nonisolated(nonsending) func sync(onlyData: Bool = false) async throws {
        try checkOpen("sync()")
        let outcome = try await perform(FileRequest(.sync(descriptor, onlyData: onlyData)))
        if let cancellation = outcome.cancellation { throw cancellation }
        if case .failure(let error) = outcome.result { throw failure(error, "syncing") }
    }

    // MARK: The position

    /// Moves the position, which may be beyond the end of the file.
    ///
    /// - Returns: the new position.
    /// - Throws: ``ValueError`` if it would be negative, or the file is closed; ``OSError`` with
    ///   `.illegalSeek` if the file has no positions (a pipe); `CancellationError`.
    ///
    /// Python: `seek`.
    @discardableResult
    public nonisolated(nonsending) func seek(_ offset: Int, from origin: SeekOrigin = .start) async throws -> Int {
        try checkOpen("seek()")
        guard isSeekable else { throw failure(.illegalSeek, "seeking in") }
        return try await turn.withLock { try move(offset, from: origin) }
    }

    // Out of line: LLVM of Swift 6.3 crashes when it splits a function that has this inlined.
    @inline(never)
    private func move(_ offset: Int, from origin: SeekOrigin) throws -> Int {
        try checkOpen("seek()")
        let base =
            switch origin {
            case .start: 0
            case .current: position
            case .end: try size
            }
        let (target, overflow) = base.addingReportingOverflow(offset)
        guard target >= 0, !overflow else {
            throw ValueError("a position in a file is not negative: \(base) and \(offset), in \(path)")
        }
        forgetAhead()
        position = target
        return target
    }

    /// What ``seek(_:from:)`` counts from. Python: `whence`.
    public enum SeekOrigin: Sendable {
        case start
        case current
        case end
    }

    /// A pipe's bytes come once only, and are no older than anything.
    private func forgetAhead() {
        guard isSeekable else { return }
        writes += 1
        ahead.removeAll()
    }
}
