internal import Glibc
internal import SystemPackage

/// The status of a file of any kind.
struct FileStatus {
    // SAFETY (of the initializers): the system writes to the variable. Paths end with a zero.
    private let raw: stat

    init(of descriptor: Int32) throws(Errno) {
        var raw = stat()
        try attempt { unsafe fstat(descriptor, &raw) }
        self.raw = raw
    }

    /// Reads the status of the file that a path leads to.
    ///
    /// - Parameter path: A path that ends with a zero.
    init(at path: UnsafePointer<CChar>) throws(Errno) {
        var raw = stat()
        try attempt { unsafe stat(path, &raw) }
        self.raw = raw
    }

    /// Reads the status of the file at a path without following a symbolic link.
    init(atLink path: UnsafePointer<CChar>) throws(Errno) {
        var raw = stat()
        try attempt { unsafe lstat(path, &raw) }
        self.raw = raw
    }

    private func has(_ type: mode_t) -> Bool { raw.st_mode & S_IFMT == type }

    var isRegular: Bool { has(S_IFREG) }
    var isDirectory: Bool { has(S_IFDIR) }
    var isPipe: Bool { has(S_IFIFO) }
    var isSocket: Bool { has(S_IFSOCK) }
    var isCharacterDevice: Bool { has(S_IFCHR) }
    var isBlockDevice: Bool { has(S_IFBLK) }
    /// Whether the file has no type, as is the case for a poller's descriptor.
    var isAnonymous: Bool { has(0) }

    var size: Int64 { Int64(raw.st_size) }
    var permissions: UInt32 { raw.st_mode & 0o7777 }
    var owner: UInt32 { raw.st_uid }
    /// Whether only the owner has access to the file.
    var isPrivate: Bool { raw.st_mode & 0o077 == 0 }
    /// Whether the file still has a name. A file without a name is deleted when it is closed.
    var isLinked: Bool { raw.st_nlink > 0 }
    var device: UInt64 { UInt64(raw.st_dev) }
    var number: UInt64 { UInt64(raw.st_ino) }
}
