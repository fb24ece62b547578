internal import AsyncIOSystem
public import SystemPackage

/// Reads a whole file.
///
/// - Throws: ``OSError`` with the path; ``ValueError`` if the path contains a zero byte;
///   `CancellationError` if the task is cancelled.
///
/// Python: `Path.read_bytes`.
public func readFile(_ path: some SystemStringConvertible) async throws -> [UInt8] {
    let file = try await openFile(path)
    let result: Result<[UInt8], any Error>
    do { result = .success(try await file.read()) } catch { result = .failure(error) }
    // Closing a file that was only read cannot lose anything.
    try? await file.close()
    return try result.get()
}

/// Reads a whole file as UTF-8 text.
///
/// - Parameters:
///   - path: The path of the file.
///   - invalid: How to handle bytes that are not valid UTF-8.
/// - Throws: ``ValueError`` if the file is not valid UTF-8 and `invalid` is ``InvalidText/reject``; otherwise the same
///   errors as ``readFile(_:)``, including `CancellationError`.
///
/// Python: `Path.read_text`.
public func readText(
    _ path: some SystemStringConvertible, invalid: InvalidText = .reject
) async throws -> String {
    try invalid.text(try await readFile(path))
}

/// Atomically replaces the content of the file at `path` with `bytes`.
///
/// At any time, a reader of the file sees either the old content or the new content, even if the operation fails.
///
/// The new file gets the permissions of the old file. If `path` is a symbolic link, the function preserves the link,
/// and replaces or creates the target of the link. During the operation, the directory contains a temporary file named
/// `.asyncio-…`.
///
/// - Parameters:
///   - path: The path of the file. The file does not need to exist.
///   - permissions: The permissions of a new file, reduced by the process's `umask`.
///   - sync: Whether to wait until the file is on the disk. The file then has either the old or the new content even
///     after a power failure. Waiting takes milliseconds. If this parameter is `false`, part of the content can be lost
///     in a power failure.
/// - Throws: ``OSError`` with the path (`.invalidArgument` for a device, `.isDirectory` for a directory);
///   ``ValueError`` if the path contains a zero byte or the permissions are out of range; `CancellationError` if the
///   task is cancelled. After a cancellation, the file has either the old or the new content.
///
/// Python: `Path.write_bytes`, which leaves a partial file if it is interrupted.
public func writeFile(
    _ path: some SystemStringConvertible, _ bytes: [UInt8],
    permissions: FilePermissions = [.ownerReadWrite, .groupReadWrite, .otherReadWrite], sync: Bool = true
) async throws {
    let loop = EventLoop.required(for: "writeFile")
    let request = FileRequest(
        .replace(permissions: try checked(permissions), sync: sync), path: try path.systemString.terminated("a path"),
        copying: bytes[...])
    let outcome = try await FileOperation(request).run(on: try loop.fileEngine)
    if let cancellation = outcome.cancellation { throw cancellation }
    if case .failure(let error) = outcome.result { throw OSError(error, "writing \(path.systemString)") }
}

/// Atomically replaces the content of the file at `path` with `text` as UTF-8; see
/// ``writeFile(_:_:permissions:sync:)-(_,[UInt8],_,_)``.
///
/// - Throws: The same errors as ``writeFile(_:_:permissions:sync:)-(_,[UInt8],_,_)``, including
///   `CancellationError`.
///
/// Python: `Path.write_text`.
public func writeFile(
    _ path: some SystemStringConvertible, _ text: String,
    permissions: FilePermissions = [.ownerReadWrite, .groupReadWrite, .otherReadWrite], sync: Bool = true
) async throws {
    try await writeFile(path, Array(text.utf8), permissions: permissions, sync: sync)
}
