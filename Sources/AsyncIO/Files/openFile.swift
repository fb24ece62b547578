internal import AsyncIOSystem
internal import SystemPackage

/// Opens a file.
///
/// ```swift
/// let file = try await openFile("log.txt", .append)
/// try await file.write("started\n")
/// try await file.close()
/// ```
///
/// Nothing here blocks the loop: what is not in memory is waited for on an io_uring, or on
/// the thread pool where the kernel has none. The environment variable `ASYNCIO_FILES`
/// (`io_uring`, `threads` or `auto`) chooses by hand.
///
/// - Parameters:
///   - path: where the file is; a `FilePath` or a ``SystemString`` if that may not be UTF-8.
///   - mode: what it is opened for.
///   - permissions: those of a new file, less the process's `umask`.
/// - Throws: ``OSError`` that names the path, `.isDirectory` for a directory; ``ValueError`` for a
///   path with a zero byte; `CancellationError`: then the file is not open, but it may have been made.
///
/// Python: `open`; `aiofiles.open`.
public nonisolated(nonsending) func openFile(
    _ path: some SystemStringConvertible, _ mode: OpenMode = .read, permissions: Int = 0o666
) async throws -> File {
    try await openFile(at: path.systemString, mode, permissions)
}

private nonisolated(nonsending) func openFile(
    at path: SystemString, _ mode: OpenMode, _ permissions: Int
) async throws -> File {
    let loop = EventLoop.required(for: "openFile")
    let engine = try loop.fileEngine
    let (name, permissions) = (try path.terminated("a path"), try checked(permissions))
    try await engine.giveWayIfDue()
    if let descriptor = try? FileFacts.openNow(name, flags: mode.flags) {
        // It costs about as much as to read a block.
        loop.spend(4096)
        return try File(descriptor, path: path.description, mode: mode, loop: loop, engine: engine)
    }
    let request = FileRequest(.open(flags: mode.flags, permissions: permissions), path: name)
    // A task that left is not there to close it.
    let operation = FileOperation(request, mayBeLeft: true) { operation in
        if operation.isLeft, operation.request.result >= 0 { closeInBackground(operation.request.result, on: engine) }
    }
    let outcome = try await operation.run(on: engine)
    do {
        let descriptor = Int32(try outcome.result.get())
        if let cancellation = outcome.cancellation {
            closeInBackground(Int(descriptor), on: engine)
            throw cancellation
        }
        return try File(descriptor, path: path.description, mode: mode, loop: loop, engine: engine)
    } catch let error as Errno {
        throw outcome.cancellation ?? OSError(error, "opening \(path)")
    }
}

/// Opens a file for `body`, and closes it whatever comes.
///
/// ```swift
/// let first = try await withFile("names.txt") { file in try await file.readLine() }
/// ```
///
/// - Throws: what ``openFile(_:_:permissions:)`` and `body` throw; what closing the file throws,
///   if `body` did not throw.
///
/// Python: `with open(…) as file:`.
@discardableResult
public func withFile<T>(
    _ path: some SystemStringConvertible, _ mode: OpenMode = .read, permissions: Int = 0o666,
    isolation: isolated (any Actor)? = #isolation, _ body: (File) async throws -> T
) async throws -> T {
    let file = try await openFile(path, mode, permissions: permissions)
    let value: T
    do {
        value = try await body(file)
    } catch {
        try? await file.close()
        throw error
    }
    try await file.close()
    return value
}

// MARK: Inside

extension EventLoop {
    /// Who does file requests for this loop; made at first use.
    var fileEngine: FileEngine {
        get throws {
            if let files { return files }
            try checkOpen("openFile")
            let engine = try FileBackend.fromEnvironment().makeEngine(for: self)
            files = engine
            return engine
        }
    }
}

/// What file requests are done with.
package enum FileBackend: String, CaseIterable, Sendable {
    case automatic = "auto"
    case ioUring = "io_uring"
    case threads

    static func fromEnvironment() throws(OSError) -> FileBackend {
        guard let name = Environment.files, !name.isEmpty else { return .automatic }
        guard let backend = FileBackend(rawValue: name) else {
            throw OSError(.invalidArgument, "ASYNCIO_FILES is \"\(name)\"; it may be io_uring, threads or auto")
        }
        return backend
    }

    func makeEngine(for loop: EventLoop) throws(OSError) -> FileEngine {
        let threads = ThreadFileEngine(loop: loop)
        guard self != .threads else { return threads }
        do {
            return try RingFileEngine(loop: loop, threads: threads)
        } catch {
            if self == .automatic { return threads }
            throw OSError(error, "this system grants no io_uring; set ASYNCIO_FILES to threads")
        }
    }
}

extension EventLoop {
    /// For tests, before the loop's first file: both do the same.
    package func useFileBackend(_ backend: FileBackend) throws {
        if files != nil { throw RuntimeError("this loop has opened files already") }
        files = try backend.makeEngine(for: self)
    }
}

func checked(_ permissions: Int) throws(ValueError) -> UInt32 {
    guard (0...0o7777).contains(permissions) else {
        throw ValueError("permissions are a number from 0 to 0o7777, not \(permissions)")
    }
    return UInt32(permissions)
}

/// Closes a descriptor that nobody got.
func closeInBackground(_ descriptor: Int, on engine: FileEngine) {
    let operation = FileOperation(FileRequest(.close(Int32(descriptor))))
    do { try engine.start(operation) } catch { FileFacts.close(Int32(descriptor)) }
}
