import AsyncIO
import Glibc

/// The number of bytes that one operation reads or writes.
nonisolated private let block = 4096
/// The size of the file, in blocks.
nonisolated private let blocks = 16_384

/// The operations on files. One operation: one block, or one small file.
enum FileWork: String {
    /// Blocks that are in memory, one after another.
    case hot
    /// Blocks that are not in memory, 32 at a time.
    case cold
    /// Small files that are in memory, which are opened, read, and closed.
    case small
    /// Blocks written one after another.
    case write
    /// Blocks written 32 at a time.
    case write32
}

/// Uses the library's files. `ASYNCIO_FILES` determines how the operations are performed.
func files(_ work: FileWork, _ count: Int, in directory: String) async throws {
    let path = try prepare(directory, evicted: work == .cold)
    defer { unsafe unlink(path) }
    let file = try await openFile(path, .read.updating)
    // Each block is read separately.
    posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_RANDOM)
    let bytes = [UInt8](repeating: 7, count: block)
    let measure = Measure()
    switch work {
    case .hot: for index in 0..<count { _ = try await file.read(block, at: offset(index)) }
    case .cold: try await at32(count) { index in _ = try await file.read(block, at: offset(index)) }
    case .small: for _ in 0..<count { _ = try await readFile(path + ".small") }
    case .write: for index in 0..<count { try await file.write(bytes, at: offset(index)) }
    case .write32: try await at32(count) { index in try await file.write(bytes, at: offset(index)) }
    }
    measure.report("files-\(work)", operations: count)
    try await file.close()
    unsafe unlink(path + ".small")
}

/// The same with `toThread` and the calls of the C library.
func filesOnThreads(_ work: FileWork, _ count: Int, in directory: String) async throws {
    let path = try prepare(directory, evicted: work == .cold)
    defer { unsafe unlink(path) }
    let file = unsafe open(path, O_RDWR | O_CLOEXEC)
    posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM)
    let bytes = [UInt8](repeating: 7, count: block)
    let measure = Measure()
    switch work {
    case .hot: for index in 0..<count { _ = try await toThread { readBlock(file, offset(index)) } }
    case .cold: try await at32(count) { index in _ = try await toThread { readBlock(file, offset(index)) } }
    case .small:
        for _ in 0..<count {
            _ = try await toThread {
                let small = unsafe open(path + ".small", O_RDONLY | O_CLOEXEC)
                defer { close(small) }
                return readBlock(small, 0)
            }
        }
    case .write:
        for index in 0..<count { _ = try await toThread { unsafe pwrite(file, bytes, block, off_t(offset(index))) } }
    case .write32:
        try await at32(count) { index in
            _ = try await toThread { unsafe pwrite(file, bytes, block, off_t(offset(index))) }
        }
    }
    measure.report("files-\(work)", operations: count)
    close(file)
    unsafe unlink(path + ".small")
}

/// As asyncio's users do it, with 32 tasks.
private func at32(_ count: Int, _ body: @escaping (Int) async throws -> Void) async throws {
    try await gather(
        (0..<32).map { first in
            createTask { for index in stride(from: first, to: count, by: 32) { try await body(index) } }
        })
}

/// Blocks far from each other, so that nothing is read ahead.
nonisolated private func offset(_ index: Int) -> Int { index &* 7919 % blocks * block }

nonisolated private func readBlock(_ file: Int32, _ offset: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: block) { buffer, count in
        count = unsafe max(0, pread(file, buffer.baseAddress, block, off_t(offset)))
    }
}

/// A file of 64 MiB, and a file of one block in the same directory.
private func prepare(_ directory: String, evicted: Bool) throws -> String {
    let path = "\(directory)/asyncio-bench-\(getpid())"
    let file = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Usage() }
    defer { close(file) }
    let bytes = [UInt8](repeating: 7, count: 1 << 20)
    for _ in 0..<((blocks * block) >> 20) { _ = unsafe write(file, bytes, bytes.count) }
    let small = unsafe open(path + ".small", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    _ = unsafe write(small, bytes, block)
    close(small)
    fsync(file)
    if evicted { posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) }
    return path
}
