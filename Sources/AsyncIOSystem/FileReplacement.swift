internal import CShims
internal import Glibc
internal import SystemPackage

// A file is replaced by a new one of the same name, which is complete before it gets it: the
// system changes what a name means at once. The new file lies in the same directory, since a
// rename does not leave a file system.

extension FileRequest {
    /// Bytes that are written between two looks at whether they are still wanted.
    private static let portion = 4 * 1024 * 1024

    func replace(_ permissions: UInt32, _ sync: Bool) -> Int {
        do {
            try replaceFile(permissions, sync)
            return 0
        } catch {
            return -Int(error.rawValue)
        }
    }

    private func replaceFile(_ permissions: UInt32, _ sync: Bool) throws(Errno) {
        let target = Self.destination(of: path)
        var old = asyncio_file_facts()
        let found = unsafe asyncio_path_look(target, &old)
        // A device or a pipe would be replaced by a file, which nobody wants.
        if found == 0, !old.is_regular { throw .invalidArgument }
        let directory = Self.directory(of: target)
        let (file, temporary) = try Self.makeFile(in: directory, permissions)
        do {
            defer { _ = asyncio_close(file) }
            do throws(Errno) {
                if found == 0 { _ = try check(asyncio_file_set_permissions(file, old.permissions)) }
                try writeAll(to: file)
                if sync { _ = try check(asyncio_file_sync(file, false)) }
                _ = try unsafe check(asyncio_path_rename(temporary, target))
            } catch {
                _ = unsafe asyncio_path_remove(temporary)
                throw error
            }
        }
        if sync { try Self.syncDirectory(directory) }
    }

    private func writeAll(to file: Int32) throws(Errno) {
        var written = 0
        while unsafe written < memory.count {
            if isRevoked { throw .canceled }
            let part = unsafe UnsafeRawBufferPointer(rebasing: memory[written...].prefix(Self.portion))
            written += try unsafe check(asyncio_file_write(file, part.baseAddress, part.count, -1))
        }
    }

    // MARK: Names, as zero-terminated bytes

    /// Where `path` leads: a symbolic link stays, and what it names is replaced.
    private static func destination(of path: [CChar]) -> [CChar] {
        guard let resolved = unsafe asyncio_path_resolve(path) else { return path }
        defer { unsafe free(resolved) }
        // SAFETY: a string that ends with a zero, which is taken along.
        return unsafe Array(UnsafeBufferPointer(start: resolved, count: strlen(resolved) + 1))
    }

    /// With its slash, if it has one, and without a zero.
    private static func directory(of path: [CChar]) -> [CChar] {
        guard let slash = path.lastIndex(of: CChar(UInt8(ascii: "/"))) else { return [] }
        return Array(path[...slash])
    }

    /// A new file with a name that nobody uses.
    private static func makeFile(in directory: [CChar], _ permissions: UInt32) throws(Errno) -> (Int32, [CChar]) {
        while true {
            let name = ".asyncio-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
            let path = directory + name.utf8CString
            let file = unsafe asyncio_file_open(path, O_WRONLY | O_CREAT | O_EXCL, permissions)
            if file == -EEXIST { continue }
            return (try check(file), path)
        }
    }

    /// So that the new name lasts too.
    private static func syncDirectory(_ directory: [CChar]) throws(Errno) {
        let path = directory.isEmpty ? Array(".".utf8CString) : directory + [0]
        let file = try unsafe check(asyncio_file_open(path, O_RDONLY | O_DIRECTORY, 0))
        defer { _ = asyncio_close(file) }
        _ = try check(asyncio_file_sync(file, false))
    }
}
