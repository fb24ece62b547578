internal import AsyncIOSystem
internal import SystemPackage

// # A file's operations
//
// Reads and writes without an offset follow the file's position. They take turns, first
// come, first served, so that two tasks that write lines do not mix them. Those with an
// offset take no turn: as many as like run at once.
//
// The position is ours, not the kernel's: it moves when an operation has its result. A task
// that is cancelled while it reads loses no bytes; one that is cancelled while it writes
// leaves the position after what was written.
//
// Reading by lines reads ahead. `ahead` holds what comes next, at `position`; a write drops
// it, since it may be older than the file then.

/// An open file.
///
/// Nothing blocks the loop. What is in memory already is read at once, without a suspension;
/// everything else is waited for. An operation that is cancelled is taken back, or awaited if
/// it cannot be: after the `CancellationError`, nothing happens to the file any more. (Not so for
/// what may take for ever, a pipe: there, use the loop's pipes.)
///
/// Python: a file object; asyncio has none.
public final class File {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.

    /// As it was opened; bytes that are not UTF-8 are replaced by U+FFFD.
    public let path: String
    public let mode: OpenMode
    /// The system's number, which stays the file's; -1 once it is closed.
    ///
    /// Python: `fileno`.
    public private(set) var descriptor: Int32
    /// Where the next read or write begins, in bytes from the start: where the latest one
    /// ended.
    ///
    /// Python: `tell`.
    public internal(set) var position = 0

    let isSeekable: Bool
    /// Whether its operations end soon.
    let isRegular: Bool
    /// Who reads or writes at the position.
    let turn = Lock()
    /// What was read and not asked for yet.
    var ahead = ByteBuffer()
    /// How often the file was written to through this object.
    var writes = 0
    /// False once the file system said that it does not know what is in memory.
    var canReadNow: Bool

    let loop: EventLoop
    let engine: FileEngine
    /// Operations that have not ended, and those of them that a task still waits for.
    private var inFlight = 0
    private var awaited = 0
    /// Whoever closes the file waits here for the latter.
    private var idler: Waiter?
    private var isClosing = false
    /// The end of the last operation closes the descriptor.
    private var closesLate = false

    init(_ descriptor: Int32, path: String, mode: OpenMode, loop: EventLoop, engine: FileEngine) throws {
        self.path = path
        self.mode = mode
        self.loop = loop
        self.engine = engine
        do throws(Errno) {
            let facts = try FileFacts(of: descriptor)
            // The system opens it for reading; there is nothing to read.
            if facts.isDirectory { throw Errno.isDirectory }
            isRegular = facts.isRegular
            isSeekable = facts.isRegular || FileFacts.isSeekable(descriptor)
            canReadNow = facts.isRegular
            if mode.isAppending, isSeekable { position = Int(facts.size) }
            self.descriptor = descriptor
        } catch {
            closeInBackground(Int(descriptor), on: engine)
            throw OSError(error, "opening \(path)")
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        FileFacts.close(descriptor)
        EventLoop.report(ExceptionContext(message: "unclosed file; call close() on it, or use withFile", subject: path))
    }

    /// Whether ``close()`` was called.
    ///
    /// Python: `closed`.
    public var isClosed: Bool { isClosing }

    /// How long the file is, in bytes.
    ///
    /// - Throws: ``OSError``; ``ValueError`` if the file is closed.
    public var size: Int {
        get throws {
            try checkOpen("size")
            do { return Int(try FileFacts(of: descriptor).size) } catch { throw failure(error, "looking at") }
        }
    }

    /// Closes the file, after what is in flight. Calling it again does nothing.
    ///
    /// - Throws: ``OSError`` if the system could not keep what was written; `CancellationError`:
    ///   the file is closed all the same.
    ///
    /// Python: `close`.
    public nonisolated(nonsending) func close() async throws {
        guard !isClosing else { return }
        isClosing = true
        let cancellation = await waitUntilIdle()
        ahead.removeAll()
        guard inFlight == 0 else {
            // What was left needs the descriptor.
            closesLate = true
            if let cancellation { throw cancellation }
            return
        }
        let descriptor = takeDescriptor()
        if !mode.canWrite, isRegular, (try? FileFacts(of: descriptor).isLinked) == true {
            // The system has nothing to do for it but to forget it.
            FileFacts.close(descriptor)
            if let cancellation { throw cancellation }
            return
        }
        let outcome = try await FileOperation(FileRequest(.close(descriptor))).run(on: engine)
        if let cancellation = cancellation ?? outcome.cancellation { throw cancellation }
        if case .failure(let error) = outcome.result { throw failure(error, "closing") }
    }

    private func takeDescriptor() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// Waits, whatever is cancelled meanwhile; returns the cancellation.
    private nonisolated(nonsending) func waitUntilIdle() async -> (any Error)? {
        var cancellation: (any Error)?
        let task = runningTask()
        var message = task?.cancelMessage
        while awaited > 0 {
            let waiter = Waiter(for: "File.close()")
            idler = waiter
            do {
                try await waiter.wait(ignoresNativeCancellation: cancellation != nil)
            } catch {
                cancellation = error
                message = task?.cancelMessage
            }
        }
        idler = nil
        if cancellation != nil { task?.deliveredMessage = message }
        return cancellation
    }

    // MARK: Inside

    /// Has the engine do the request. The file stays open until it has ended.
    nonisolated(nonsending) func perform(_ request: FileRequest) async throws -> FileOutcome {
        guard EventLoop.required(for: "A file") === loop else {
            throw RuntimeError("the file \(path) belongs to another event loop")
        }
        let operation = FileOperation(request, mayBeLeft: !isRegular) { _ in
            self.inFlight -= 1
            guard self.closesLate, self.inFlight == 0 else { return }
            closeInBackground(Int(self.takeDescriptor()), on: self.engine)
        }
        inFlight += 1
        awaited += 1
        defer {
            awaited -= 1
            if awaited == 0 { idler?.complete() }
        }
        do {
            return try await operation.run(on: engine)
        } catch {
            // It never began.
            inFlight -= 1
            throw error
        }
    }

    func checkOpen(_ operation: StaticString) throws(ValueError) {
        if isClosing { throw ValueError("\(operation) of a closed file: \(path)") }
    }

    func checkReadable(_ operation: StaticString) throws(ValueError) {
        try checkOpen(operation)
        guard mode.canRead else {
            throw ValueError("\(operation) of a file that was opened as \(mode), not for reading: \(path)")
        }
    }

    func checkWritable(_ operation: StaticString) throws(ValueError) {
        try checkOpen(operation)
        guard mode.canWrite else {
            throw ValueError("\(operation) of a file that was opened as \(mode), not for writing: \(path)")
        }
    }

    func failure(_ error: Errno, _ verb: String) -> OSError { OSError(error, "\(verb) \(path)") }
}

extension File: CustomStringConvertible {
    public var description: String {
        "File \"\(path)\" (\(mode), \(isClosing ? "closed" : "at \(position)"))"
    }
}

@available(*, unavailable, message: "a file belongs to its loop's thread; hand work over with loop.submit { }")
extension File: Sendable {}
