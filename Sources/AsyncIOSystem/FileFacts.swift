internal import CShims
internal import Glibc
package import SystemPackage

/// Facts about an open file, and operations on files that do not block.
package struct FileFacts: Sendable {
    package let size: Int64
    private let type: FileType
    /// Whether the file still has a name, so that closing it does not delete it.
    package let isLinked: Bool

    package init(of descriptor: Int32) throws(Errno) {
        var facts = asyncio_file_facts()
        _ = try unsafe check(asyncio_file_look(descriptor, &facts))
        size = facts.size
        type = facts.is_regular ? .regular : facts.is_directory ? .directory : .other
        isLinked = facts.is_linked
    }

    private enum FileType { case regular, directory, other }

    package var isRegular: Bool { type == .regular }
    package var isDirectory: Bool { type == .directory }

    /// Whether reads and writes have positions.
    package static func isSeekable(_ descriptor: Int32) -> Bool { asyncio_file_is_seekable(descriptor) }

    /// Opens a regular file if everything needed for that is in memory.
    ///
    /// - Throws: `.wouldBlock` if it is not, or if the file would have to be created or truncated.
    package static func openNow(_ path: [CChar], flags: Int32) throws(Errno) -> Int32 {
        try unsafe check(asyncio_file_open_now(path, flags))
    }

    /// The kind of file that a path leads to, as far as the system has it in memory.
    package enum Kind {
        /// A regular file, a directory, or nothing. Opening it ends soon.
        case plain
        /// A pipe or a device. Opening it can wait for another process.
        case special
        case unknown
    }

    package static func kindNow(_ path: [CChar]) -> Kind {
        switch unsafe asyncio_file_kind_now(path) {
        case 0: .special
        case 1, -ENOENT: .plain
        default: .unknown
        }
    }

    /// Reads at most `count` bytes that are in memory.
    ///
    /// - Throws: `.wouldBlock` if there are none; `.notSupported` if the file system cannot tell.
    package static func readNow(_ descriptor: Int32, _ count: Int, at offset: Int64) throws(Errno) -> [UInt8] {
        var error: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // SAFETY: the kernel writes at most `count` bytes, and says how many.
            let result = unsafe asyncio_file_read_now(descriptor, buffer.baseAddress, count, offset)
            if result < 0 { error = Errno(rawValue: Int32(-result)) } else { filled = result }
        }
        if let error { throw error }
        return bytes
    }

    /// Closes a descriptor. Can block, except for a file that was only read and still has a name.
    package static func close(_ descriptor: Int32) { _ = asyncio_close(descriptor) }
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
