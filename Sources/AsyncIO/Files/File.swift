internal import AsyncIOSystem
public import SystemPackage

// # How a file performs operations
//
// Reads and writes without an offset use the file's position. They run one at a time in FIFO order,
// so that two tasks that write lines do not mix them. Operations with an offset do not wait for
// each other, and any number can run at once.
//
// The position belongs to this object, not to the kernel: it moves when an operation has its
// result. A task that is cancelled while it reads loses no bytes. One that is cancelled while it
// writes leaves the position after the bytes that were written.
//
// Reading by lines reads ahead. The buffer `ahead` holds the bytes that follow `position`. A write
// discards it, because the bytes may then be out of date.

/// An open file.
///
/// No operation blocks the event loop. Bytes that are already in memory are read immediately, without suspending the
/// task. All other operations suspend the task.
///
/// If a task is cancelled during an operation, the operation is stopped if possible. Otherwise, the task waits until
/// the operation has ended, so the file does not change after the `CancellationError` is thrown. A cancelled task does
/// not wait for operations that may never end, such as reading from a pipe. For pipes, use the loop's pipe functions.
///
/// Python: a file object. asyncio has no equivalent.
public final class File {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.

    /// The path that was passed when the file was opened. Bytes that are not valid UTF-8 are replaced with U+FFFD.
    public let path: String
    /// The mode in which the file was opened.
    public let mode: File.Mode
    /// The file descriptor, which the file owns, or -1 after the file is closed.
    ///
    /// Python: `fileno`.
    public private(set) var descriptor: Int32
    /// The position at which the next read or write starts, in bytes from the start of the file.
    ///
    /// Python: `tell`.
    public internal(set) var position = 0

    let isSeekable: Bool
    /// Whether this is a regular file. Operations on regular files end soon.
    let isRegular: Bool
    /// The lock that an operation holds while it uses the position.
    let turn = Lock()
    /// Bytes that were read ahead and have not been requested yet.
    var ahead = ByteBuffer()
    /// The number of writes through this object.
    var writes = 0
    /// Whether data in memory can be read immediately. This property becomes false when the file system reports that it
    /// cannot determine which data is in memory.
    var canReadNow: Bool

    let loop: EventLoop
    let engine: FileEngine
    /// The number of operations that have not ended, and the number of these operations for which a task is still
    /// waiting.
    private var inFlight = 0
    private var awaited = 0
    /// The waiter of `close()`, which waits until no task is waiting for an operation.
    private var idler: Waiter?
    private var isClosing = false
    /// Whether the descriptor is closed when the last operation ends.
    private var closesLate = false

    init(_ descriptor: Int32, path: String, mode: File.Mode, loop: EventLoop, engine: FileEngine) throws {
        self.path = path
        self.mode = mode
        self.loop = loop
        self.engine = engine
        do throws(Errno) {
            let facts = try engine.facts(of: descriptor)
            // The system can open a directory for reading, but there is nothing to read.
            if facts.isDirectory { throw Errno.isDirectory }
            isRegular = facts.isRegular
            isSeekable = facts.isRegular || FileFacts.isSeekable(descriptor)
            canReadNow = facts.isRegular && engine.usesSystem
            if mode.isAppending, isSeekable { position = Int(facts.size) }
            self.descriptor = descriptor
        } catch {
            closeInBackground(Int(descriptor), on: engine)
            throw OSError(error, "opening \(path)")
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        engine.closeNow(descriptor)
        EventLoop.report(ExceptionContext(message: "unclosed file; call close() on it, or use withFile", subject: path))
    }

    /// Whether ``close()`` has been called.
    ///
    /// Python: `closed`.
    public var isClosed: Bool { isClosing }

    /// The length of the file in bytes.
    ///
    /// - Throws: ``OSError`` if the system cannot determine the size; ``ValueError`` if the file is closed.
    ///
    /// Python: `os.path.getsize`.
    public var size: Int {
        get throws {
            try checkOpen("size")
            do {
                return Int(try engine.facts(of: descriptor).size)
            } catch {
                throw failure(error, "getting the size of")
            }
        }
    }

    /// Closes the file after the operations in progress have ended. Further calls have no effect.
    ///
    /// - Throws: ``OSError`` if the system could not store the written data; `CancellationError` if the task is
    ///   cancelled. The file is closed even if this method throws.
    ///
    /// Python: `close`.
    public func close() async throws {
        guard !isClosing else { return }
        isClosing = true
        let cancellation = await waitUntilIdle()
        ahead.removeAll()
        guard inFlight == 0 else {
            // The operations that are left still need the descriptor.
            closesLate = true
            if let cancellation { throw cancellation }
            return
        }
        let descriptor = takeDescriptor()
        if !mode.canWrite, isRegular, (try? engine.facts(of: descriptor).isLinked) == true {
            // There is nothing to write or delete, so closing cannot block.
            engine.closeNow(descriptor)
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

    /// Waits until no task is waiting for an operation, even if the calling task is cancelled. Returns the cancellation
    /// error, or nil.
    private func waitUntilIdle() async -> (any Error)? {
        guard awaited > 0 else { return nil }
        defer { idler = nil }
        return await shielded { ignoresNativeCancellation in
            while awaited > 0 {
                let waiter = Waiter(for: "File.close()")
                idler = waiter
                try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
            }
        }?.delivered()
    }

    // MARK: Inside

    /// Performs the request on the engine. The descriptor stays open until the request has ended.
    func perform(_ request: FileRequest) async throws -> FileOutcome {
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
            // The request never started.
            inFlight -= 1
            throw error
        }
    }

    func checkOpen(_ operation: StaticString) throws(ValueError) {
        if isClosing { throw ValueError("\(operation) on a closed file: \(path)") }
    }

    func checkReadable(_ operation: StaticString) throws(ValueError) {
        try checkOpen(operation)
        guard mode.canRead else {
            throw ValueError("\(operation) on a file opened with mode \(mode), not for reading: \(path)")
        }
    }

    func checkWritable(_ operation: StaticString) throws(ValueError) {
        try checkOpen(operation)
        guard mode.canWrite else {
            throw ValueError("\(operation) on a file opened with mode \(mode), not for writing: \(path)")
        }
    }

    func failure(_ error: Errno, _ verb: String) -> OSError { OSError(error, "\(verb) \(path)") }
}

extension File: CustomStringConvertible {
    /// The path, mode, and position of the file as text.
    public var description: String {
        "File \"\(path)\" (\(mode), \(isClosing ? "closed" : "at \(position)"))"
    }
}

@available(*, unavailable, message: "a file belongs to its loop's thread; use loop.submit { } on other threads")
extension File: Sendable {}

extension File: FileDescriptorConvertible {
    /// The file descriptor, which the file owns; see ``descriptor``.
    public var fileDescriptor: FileDescriptor { FileDescriptor(rawValue: descriptor) }
}
