internal import AsyncIOSystem
public import SystemPackage

/// Atomically replaces the file at `path` with the file that `body` writes.
///
/// ```swift
/// try await withReplacement(of: "state.json") { file in
///     for part in parts { try await file.write(part) }
/// }
/// ```
///
/// The file is replaced after `body` has returned. Until then, readers see the old content. After the replacement, they
/// see the new content. If the operation fails, they continue to see the old content.
///
/// Use this function for content that is produced piece by piece, and
/// ``writeFile(_:_:permissions:sync:)-(_,[UInt8],_,_)`` for content that is in memory. If `body` throws, the function
/// removes the new file and preserves an existing file. The new file gets the permissions of the old file. If `path` is
/// a symbolic link, the function preserves the link, and replaces or creates the target of the link. During the
/// operation, the directory contains a temporary file named `.asyncio-…`.
///
/// - Parameters:
///   - path: The path of the file. The file does not need to exist.
///   - permissions: The permissions of a new file, reduced by the process's `umask`.
///   - sync: Whether to wait until the file is on the disk. The file then has either the old or the new content even
///     after a power failure.
///   - body: A closure that writes the content. It receives the new file, which is empty. The file is closed when
///     `body` returns or throws.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; ``OSError`` with the path (`.invalidArgument` for a device, `.isDirectory` for a
///   directory); ``ValueError`` if the path contains a zero byte or the permissions are out of range;
///   `CancellationError` if the task is cancelled. After a cancellation, the file has either the old or the new
///   content.
@discardableResult
public func withReplacement<T>(
    of path: some SystemStringConvertible,
    permissions: FilePermissions = [.ownerReadWrite, .groupReadWrite, .otherReadWrite], sync: Bool = true,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (File) async throws -> T
) async throws -> T {
    let loop = EventLoop.required(for: "withReplacement")
    let (engine, path) = (try loop.fileEngine, path.systemString)
    let request = FileRequest(
        .beginReplacement(permissions: try checked(permissions)), path: try path.terminated("a path"))
    let begun = try await FileOperation(request).run(on: engine)
    guard let replacement = request.replacement else {
        throw begun.cancellation ?? OSError(request.error ?? .ioError, "replacing \(path)")
    }
    do {
        let value: T
        do {
            let file = try File(
                Int32(request.result), path: path.description, mode: .create.updating, loop: loop, engine: engine)
            do {
                if let cancellation = begun.cancellation { throw cancellation }
                value = try await body(file)
            } catch {
                try? await file.close()
                throw error
            }
            try await file.close()
        }
        let ended = try await FileOperation(FileRequest(.endReplacement(replacement, sync: sync))).run(on: engine)
        if let cancellation = ended.cancellation { throw cancellation }
        if case .failure(let error) = ended.result { throw OSError(error, "replacing \(path)") }
        return value
    } catch {
        _ = try? await FileOperation(FileRequest(.abandonReplacement(replacement))).run(on: engine)
        throw error
    }
}
