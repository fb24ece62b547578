internal import AsyncIOSystem
internal import SystemPackage

extension File {
    /// The maximum number of bytes to request from the system at once.
    static let portion = 4 * 1024 * 1024
    private static let readAheadCount = 64 * 1024

    /// Reads `count` bytes at the current position.
    ///
    /// The result contains fewer than `count` bytes only at the end of the file. For a pipe or a terminal, the result
    /// contains the bytes that are available.
    ///
    /// - Parameter count: The number of bytes. If this number is negative, the method reads to the end of the file.
    /// - Returns: The bytes, or an empty array at the end of the file.
    /// - Throws: ``OSError`` with the path; ``ValueError`` if the file is closed or was not opened for reading;
    ///   `CancellationError` if the task is cancelled. In that case, the position does not move.
    ///
    /// Python: `read`.
    public func read(_ count: Int = -1) async throws -> [UInt8] {
        try checkReadable("read()")
        if count == 0 { return [] }
        return try await turn.withLock {
            try checkOpen("read()")
            if isSeekable { return try await collect(count < 0 ? .max : count) }
            if count < 0 { while try await readAhead(Self.readAheadCount) {} }
            if ahead.isEmpty, count > 0 { _ = try await readAhead(count) }
            return takeAhead(count < 0 ? .max : count)
        }
    }

    /// Reads from the current position to the end of the file.
    ///
    /// - Throws: The same errors as ``read(_:)``. If the task is cancelled, the position does not move.
    ///
    /// Python: `read()`.
    public func readToEnd() async throws -> [UInt8] { try await read(-1) }

    /// Reads until `count` bytes are available or the file ends. If a read fails, the position does not move.
    private func collect(_ count: Int) async throws -> [UInt8] {
        var bytes = ahead.takeFirst(count)
        while bytes.count < count {
            let start = position + bytes.count
            // Some files do not report their size, such as those in /proc.
            let rest = count == .max ? restOfFile(after: start) : 0
            let wanted = count < .max ? count - bytes.count : rest > 0 ? rest : Self.readAheadCount
            let more = try await fetch(wanted, at: start)
            if more.isEmpty { break }
            if bytes.isEmpty { bytes = more } else { bytes += more }
            if more.count == rest { break }
        }
        position += bytes.count
        return bytes
    }

    /// The number of bytes after `offset`, or 0 if the system cannot determine this number.
    //
    // Not inlined and not throwing, because LLVM of Swift 6.3 crashes when it splits a function that throws in both
    // ways.
    @inline(never)
    private func restOfFile(after offset: Int) -> Int { isRegular ? max(0, ((try? size) ?? 0) - offset) : 0 }

    /// Reads one line at the current position, up to and including its newline.
    ///
    /// - Returns: The line, or an empty array at the end of the file. The line ends with a newline unless the file ends
    ///   first.
    /// - Throws: The same errors as ``read(_:)``. If the task is cancelled, the position does not move.
    ///
    /// Python: `readline`.
    public func readLine() async throws -> [UInt8] {
        try checkReadable("readLine()")
        try await engine.giveWayIfDue()
        return try await turn.withLock {
            try checkOpen("readLine()")
            var searched = 0
            while true {
                if let newline = ahead.firstIndex(of: 0x0A, from: searched) { return takeAhead(newline + 1) }
                searched = ahead.count
                guard try await readAhead(Self.readAheadCount) else { return takeAhead(.max) }
                // A concurrent write has discarded the buffered bytes.
                searched = min(searched, ahead.count)
            }
        }
    }

    /// Reads `count` bytes at `offset`, counted from the start of the file.
    ///
    /// The result contains fewer than `count` bytes only at the end of the file. This method neither uses nor moves the
    /// position, and does not wait for other operations.
    ///
    /// - Throws: The same errors as ``read(_:)``, including `CancellationError`; ``ValueError`` if `count` or `offset`
    ///   is negative; ``OSError`` with `.illegalSeek` if the file is not seekable (for example, a pipe).
    ///
    /// Python: `os.pread`.
    public func read(_ count: Int, at offset: Int) async throws -> [UInt8] {
        try checkReadable("read(at:)")
        try checkPositions(offset, "reading")
        guard count >= 0 else { throw ValueError("count must not be negative, got \(count)") }
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try await fetch(count - bytes.count, at: offset + bytes.count)
            if more.isEmpty { break }
            if bytes.isEmpty { bytes = more } else { bytes += more }
            try checkOpen("read(at:)")
        }
        return bytes
    }

    // MARK: Inside

    /// Appends bytes to the read-ahead buffer. Returns false at the end of the file.
    private func readAhead(_ count: Int) async throws -> Bool {
        while true {
            let before = writes
            let bytes = try await fetch(count, at: isSeekable ? position + ahead.count : -1)
            // These bytes may or may not include a concurrent write.
            guard writes == before || !isSeekable else { continue }
            ahead.append(bytes[...])
            return !bytes.isEmpty
        }
    }

    private func takeAhead(_ count: Int) -> [UInt8] {
        let bytes = ahead.takeFirst(count)
        position += bytes.count
        loop.spend(bytes.count)
        return bytes
    }

    /// Performs one read operation.
    private func fetch(_ count: Int, at offset: Int) async throws -> [UInt8] {
        if canReadNow, count <= FileEngine.readNowLimit, let bytes = try await fetchNow(count, at: offset) {
            return bytes
        }
        let request = FileRequest(.read(descriptor, offset: Int64(offset)), capacity: min(count, Self.portion))
        let outcome = try await perform(request)
        if let cancellation = outcome.cancellation { throw cancellation }
        if case .failure(let error) = outcome.result { throw failure(error, "reading") }
        loop.spend(request.result)
        return request.bytes
    }

    /// Returns the bytes if they are in memory, or nil otherwise.
    private func fetchNow(_ count: Int, at offset: Int) async throws -> [UInt8]? {
        try await engine.giveWayIfDue()
        try checkOpen("read()")
        do {
            let bytes = try FileFacts.readNow(descriptor, count, at: Int64(offset))
            loop.spend(bytes.count)
            return bytes
        } catch {
            if error == .notSupported { canReadNow = false }
            return nil
        }
    }

    func checkPositions(_ offset: Int, _ verb: String) throws {
        guard offset >= 0 else { throw ValueError("offset must not be negative, got \(offset)") }
        guard isSeekable else { throw failure(.illegalSeek, verb) }
    }
}
