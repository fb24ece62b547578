internal import AsyncIOSystem
internal import SystemPackage

/// Replaces the file at `path` by what `body` writes, all at once when `body` has ended: whoever
/// reads it, and whatever goes wrong, it has the old content or the new one.
///
/// ```swift
/// try await withReplacement(of: "state.json") { file in
///     for part in parts { try await file.write(part) }
/// }
/// ```
///
/// For content that comes little by little; ``writeFile(_:_:permissions:sync:)-(_,[UInt8],_,_)``
/// is for what is in memory. If `body` throws, the new file is removed, and the old one, if
/// there is one, stays. The new file takes the old one's permissions; a symbolic link stays,
/// and what it names is replaced, or made if it is missing. Until the end, the directory has a file `.asyncio-…`.
///
/// - Parameters:
///   - path: of a file, which need not exist.
///   - permissions: those of a new file, less the process's `umask`.
///   - sync: whether to wait until it is on the disk, so that a power failure leaves the old or
///     the new content too.
///   - body: is given the new file, which is empty, and closed when `body` ends.
/// - Throws: what `body` throws; ``OSError`` that names the path, `.invalidArgument` if that is a
///   device, `.isDirectory` if it is a directory; ``ValueError`` for a path with a zero byte; `CancellationError`: the
///   file then has one content or the other.
@discardableResult
public func withReplacement<T>(
    of path: some SystemStringConvertible, permissions: Int = 0o666, sync: Bool = true,
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
