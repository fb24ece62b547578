internal import CShims
internal import Glibc
package import SystemPackage

/// Facts about an open file, and non-blocking operations on files.
package struct FileFacts: Sendable {
    package let size: Int64
    private let type: FileType
    /// Whether the file still has a name. A file without a name is deleted when it is closed.
    package let isLinked: Bool

    package init(of descriptor: Int32) throws(Errno) {
        let status = try FileStatus(of: descriptor)
        size = status.size
        type = status.isRegular ? .regular : status.isDirectory ? .directory : .other
        isLinked = status.isLinked
    }

    /// Creates the facts about a regular file in a simulation.
    package init(regularFileOf size: Int) {
        (self.size, type, isLinked) = (Int64(size), .regular, true)
    }

    private enum FileType { case regular, directory, other }

    package var isRegular: Bool { type == .regular }
    package var isDirectory: Bool { type == .directory }

    /// Whether the descriptor supports reads and writes at a position.
    package static func isSeekable(_ descriptor: Int32) -> Bool { lseek(descriptor, 0, SEEK_CUR) >= 0 }

    /// Opens a regular file if everything that is needed for opening it is in memory.
    ///
    /// Only regular files are opened, because opening a pipe would wake its other end, and opening a device could start
    /// it. If the file is replaced with a pipe in the meantime, opening the pipe does not block.
    ///
    /// - Throws: `.wouldBlock` if something is not in memory, or if the file would have to be created or truncated.
    package static func openNow(_ path: [CChar], flags: Int32) throws(Errno) -> Int32 {
        guard (try? statusNow(path))?.isRegular == true, flags & (O_CREAT | O_TRUNC) == 0 else { throw .wouldBlock }
        // SAFETY: the path ends with a zero.
        let file = unsafe asyncio_open_cached(path, flags | O_NONBLOCK)
        if file == -ENOSYS || file == -EINVAL { throw .wouldBlock }
        _ = try check(file)
        _ = fcntl(file, F_SETFL, flags & O_APPEND)
        return file
    }

    /// The kind of file that a path leads to, if the system has this information in memory.
    package enum Kind {
        /// A regular file, a directory, or no file. Opening such a path does not take long.
        case plain
        /// A pipe or a device. Opening it may require waiting for another process.
        case special
        case unknown
    }

    package static func kindNow(_ path: [CChar]) -> Kind {
        do throws(Errno) {
            let status = try statusNow(path)
            return status.isRegular || status.isDirectory ? .plain : .special
        } catch {
            return error == .noSuchFileOrDirectory ? .plain : .unknown
        }
    }

    /// - Throws: An error if the system does not have the status in memory.
    private static func statusNow(_ path: [CChar]) throws(Errno) -> FileStatus {
        // SAFETY: the path ends with a zero.
        let file = try unsafe check(asyncio_open_cached(path, Int32(ASYNCIO_O_PATH)))
        defer { closeOnce(file) }
        return try FileStatus(of: file)
    }

    /// Reads at most `count` bytes that are in memory.
    ///
    /// - Throws: `.wouldBlock` if no bytes are in memory; `.notSupported` if the file system cannot determine whether
    ///   bytes are in memory.
    package static func readNow(_ descriptor: Int32, _ count: Int, at offset: Int64) throws(Errno) -> [UInt8] {
        var error: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // SAFETY: the kernel writes at most `count` bytes, and says how many.
            let result = unsafe asyncio_read_cached(descriptor, buffer.baseAddress, count, offset)
            if result < 0 { error = Errno(rawValue: Int32(-result)) } else { filled = result }
        }
        if let error { throw error }
        return bytes
    }

    /// Closes a descriptor. The call can block, unless the descriptor belongs to a file that still has a name and that
    /// was only read.
    package static func close(_ descriptor: Int32) { closeOnce(descriptor) }
}

/// The system's flags for opening files.
package enum OpenFlags {
    package static let read = O_RDONLY
    package static let write = O_WRONLY
    package static let readAndWrite = O_RDWR
    package static let append = O_APPEND
    package static let create = O_CREAT
    package static let exclusive = O_EXCL
    package static let truncate = O_TRUNC
}
