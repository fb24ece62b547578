internal import AsyncIOSystem
public import SystemPackage

/// Opens a file.
///
/// ```swift
/// let file = try await openFile("log.txt", .append)
/// try await file.write("started\n")
/// try await file.close()
/// ```
///
/// File functions do not block the loop. Data that is not in memory is read and written with io_uring, or on the thread
/// pool if the kernel does not offer io_uring. The environment variable `ASYNCIO_FILES` selects the method (`io_uring`,
/// `threads`, or `auto`).
///
/// - Parameters:
///   - path: The path of the file. If the path may not be valid UTF-8, pass a `FilePath` or a ``SystemString``.
///   - mode: The mode in which to open the file.
///   - permissions: The permissions of a new file, reduced by the process's `umask`.
/// - Throws: ``OSError`` with the path (`.isDirectory` for a directory); ``ValueError`` if the path contains a zero
///   byte or the permissions are out of range; `CancellationError` if the task is cancelled. After a cancellation, the
///   file is not open, but may have been created.
///
/// Python: `open`; `aiofiles.open`.
public func openFile(
    _ path: some SystemStringConvertible, _ mode: File.Mode = .read,
    permissions: FilePermissions = [.ownerReadWrite, .groupReadWrite, .otherReadWrite]
) async throws -> File {
    try await openFile(at: path.systemString, mode, permissions)
}

private func openFile(
    at path: SystemString, _ mode: File.Mode, _ permissions: FilePermissions
) async throws -> File {
    let loop = EventLoop.required(for: "openFile")
    let engine = try loop.fileEngine
    let (name, permissions) = (try path.terminated("a path"), try checked(permissions))
    try await engine.giveWayIfDue()
    if engine.usesSystem, let descriptor = try? FileFacts.openNow(name, flags: mode.flags) {
        // Opening a file costs about as much as reading a block.
        loop.spend(4096)
        return try File(descriptor, path: path.description, mode: mode, loop: loop, engine: engine)
    }
    let request = FileRequest(.open(flags: mode.flags, permissions: permissions), path: name)
    // A task that has left cannot close the descriptor.
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

/// Opens a file, runs `body` with the file, and closes the file when `body` returns or throws.
///
/// ```swift
/// let first = try await withFile("names.txt") { file in try await file.readLine() }
/// ```
///
/// - Throws: The errors of ``openFile(_:_:permissions:)``, including `CancellationError`; the errors of `body`; the
///   errors of ``File/close()`` if `body` does not throw.
///
/// Python: `with open(…) as file:`.
@discardableResult
public func withFile<T>(
    _ path: some SystemStringConvertible, _ mode: File.Mode = .read,
    permissions: FilePermissions = [.ownerReadWrite, .groupReadWrite, .otherReadWrite],
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

/// The component that stores the engine for a loop's file requests. The engine is created on first use.
final class LoopFiles: LoopComponent {
    var engine: FileEngine?
    /// A closure that returns the disk of the current host in a simulation, or nil outside a simulation.
    var simulated: (() -> any SimulatedFiles)?

    override class var rank: Rank { .files }

    override func loopWillClose() {
        engine?.close()
        engine = nil
    }
}

extension EventLoop {
    /// The engine that performs this loop's file requests. It is created on first use.
    var fileEngine: FileEngine {
        get throws {
            let files = component(LoopFiles.self)
            if let simulated = files.simulated { return SimulatedFileEngine(simulated(), loop: self) }
            if let engine = files.engine { return engine }
            try checkOpen("openFile")
            let engine = try FileBackend.fromEnvironment().makeEngine(for: self)
            files.engine = engine
            return engine
        }
    }
}

/// The method by which file requests are performed.
package enum FileBackend: String, CaseIterable, Sendable {
    case automatic = "auto"
    case ioUring = "io_uring"
    case threads

    static func fromEnvironment() throws(OSError) -> FileBackend {
        guard let name = Environment.files, !name.isEmpty else { return .automatic }
        guard let backend = FileBackend(rawValue: name) else {
            throw OSError(.invalidArgument, "ASYNCIO_FILES must be io_uring, threads or auto, got \"\(name)\"")
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
            throw OSError(error, "io_uring is not available; set ASYNCIO_FILES to threads")
        }
    }
}

extension EventLoop {
    /// Selects the backend before the loop opens its first file. Tests use this method.
    package func useFileBackend(_ backend: FileBackend) throws {
        let files = component(LoopFiles.self)
        if files.engine != nil { throw RuntimeError("this loop has already opened a file") }
        files.engine = try backend.makeEngine(for: self)
    }
}

func checked(_ permissions: FilePermissions) throws(ValueError) -> UInt32 {
    guard permissions.rawValue <= 0o7777 else {
        throw ValueError("permissions must be in 0...0o7777, got 0o\(String(permissions.rawValue, radix: 8))")
    }
    return UInt32(permissions.rawValue)
}

/// Closes a descriptor that no caller has received.
func closeInBackground(_ descriptor: Int, on engine: FileEngine) {
    let operation = FileOperation(FileRequest(.close(Int32(descriptor))))
    do { try engine.start(operation) } catch { engine.closeNow(Int32(descriptor)) }
}
