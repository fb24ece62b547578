internal import AsyncIOSystem
internal import SystemPackage

/// Reads a whole file.
///
/// - Throws: ``OSError`` that names the path; ``ValueError`` for a path with a zero byte;
///   `CancellationError`.
///
/// Python: `Path.read_bytes`.
public nonisolated(nonsending) func readFile(_ path: some SystemStringConvertible) async throws -> [UInt8] {
    let file = try await openFile(path)
    let result: Result<[UInt8], any Error>
    do { result = .success(try await file.read()) } catch { result = .failure(error) }
    // A file that was only read has nothing to lose when it is closed.
    try? await file.close()
    return try result.get()
}

/// Reads a whole file as UTF-8; what is invalid is repaired.
///
/// Python: `Path.read_text`.
public nonisolated(nonsending) func readText(_ path: some SystemStringConvertible) async throws -> String {
    String(decoding: try await readFile(path), as: UTF8.self)
}

/// Makes `bytes` the whole content of the file at `path`, all at once: whoever reads it, and
/// whatever goes wrong, it has the old content or the new one.
///
/// A new file takes the old one's place and its permissions; a symbolic link stays, and what it
/// names is replaced, or made if it is missing. For as long as it takes, the directory has a file `.asyncio-…`.
///
/// - Parameters:
///   - path: of a file, which need not exist.
///   - permissions: those of a new file, less the process's `umask`.
///   - sync: whether to wait until it is on the disk, so that a power failure leaves the old or
///     the new content too. That takes milliseconds; without it, such a failure may leave less.
/// - Throws: ``OSError`` that names the path, `.invalidArgument` if that is a device,
///   `.isDirectory` if it is a directory; ``ValueError`` for a path with a zero byte; `CancellationError`: the file then
///   has one content or the other.
///
/// Python: `Path.write_bytes`, which leaves half a file if it is interrupted.
public nonisolated(nonsending) func writeFile(
    _ path: some SystemStringConvertible, _ bytes: [UInt8], permissions: Int = 0o666, sync: Bool = true
) async throws {
    let loop = EventLoop.required(for: "writeFile")
    let request = FileRequest(
        .replace(permissions: try checked(permissions), sync: sync), path: try path.systemString.terminated("a path"),
        copying: bytes[...])
    let outcome = try await FileOperation(request).run(on: try loop.fileEngine)
    if let cancellation = outcome.cancellation { throw cancellation }
    if case .failure(let error) = outcome.result { throw OSError(error, "writing \(path.systemString)") }
}

/// Makes `text`, as UTF-8, the whole content of the file at `path`; see
/// ``writeFile(_:_:permissions:sync:)-(_,[UInt8],_,_)``.
///
/// Python: `Path.write_text`.
public nonisolated(nonsending) func writeFile(
    _ path: some SystemStringConvertible, _ text: String, permissions: Int = 0o666, sync: Bool = true
) async throws {
    try await writeFile(path, Array(text.utf8), permissions: permissions, sync: sync)
}
