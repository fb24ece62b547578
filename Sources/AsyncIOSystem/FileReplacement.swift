internal import Glibc
internal import SystemPackage

/// A new file that will replace another file.
///
/// The file is written under a temporary name and then renamed. A rename is atomic, so the file with the final name is
/// always complete. The new file is created in the same directory, because a rename cannot move a file to another file
/// system.
//
// Names are arrays of bytes that end with a zero.
package struct FileReplacement: Sendable {
    package let target: [CChar]
    package let temporary: [CChar]

    package init(target: [CChar], temporary: [CChar]) {
        (self.target, self.temporary) = (target, temporary)
    }

    /// - Returns: The replacement and the descriptor of the new file.
    static func begin(at path: [CChar], _ permissions: UInt32) throws(Errno) -> (FileReplacement, Int32) {
        // SAFETY: the path ends with a zero.
        let old = try? unsafe FileStatus(at: path)
        if let old, old.isDirectory { throw .isDirectory }
        // Replacing a device or a pipe with a regular file is never intended.
        if let old, !old.isRegular { throw .invalidArgument }
        let target = try old != nil ? destination(of: path) : destination(ofMissing: path)
        let (file, temporary) = try makeFile(in: directory(of: target), permissions)
        let replacement = FileReplacement(target: target, temporary: temporary)
        do throws(Errno) {
            if let old { try attempt { fchmod(file, old.permissions) } }
        } catch {
            closeOnce(file)
            replacement.abandon()
            throw error
        }
        return (replacement, file)
    }

    /// Gives the new file its final name.
    ///
    /// - Parameter file: The descriptor of the new file.
    func commit(_ file: Int32, sync: Bool) throws(Errno) {
        do throws(Errno) {
            if sync { _ = try check(FileCalls.sync(file, onlyData: false)) }
            // SAFETY: both paths end with a zero.
            try attempt { unsafe rename(temporary, target) }
        } catch {
            abandon()
            throw error
        }
        if sync { try Self.syncDirectory(Self.directory(of: target)) }
    }

    /// Gives the new file its final name after the file was closed.
    func commit(sync: Bool) throws(Errno) {
        let file = Int32(try check(FileCalls.open(temporary, O_RDONLY, 0)))
        defer { closeOnce(file) }
        try commit(file, sync: sync)
    }

    /// Removes the new file if it still exists.
    func abandon() { try? FileIdentity.remove(temporary) }

    // MARK: Names

    /// The maximum number of links to follow. The kernel has the same limit.
    private static let mostLinks = 40

    /// Returns the path of the file that is replaced. If `path` is a symbolic link, this is the target of the link, and
    /// the link remains.
    private static func destination(of path: [CChar]) -> [CChar] {
        // SAFETY: both strings end with a zero. The zero of the result is copied too.
        guard let resolved = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(resolved) }
        return unsafe Array(UnsafeBufferPointer(start: resolved, count: strlen(resolved) + 1))
    }

    /// Returns the path of the new file if there is no file at the path yet. The file is created at the target of the
    /// last link.
    private static func destination(ofMissing path: [CChar]) throws(Errno) -> [CChar] {
        var path = path
        for _ in 0...mostLinks {
            var text = [CChar](repeating: 0, count: Int(PATH_MAX))
            // SAFETY: the path ends with a zero, and at most `count` bytes are written.
            let length = unsafe readlink(path, &text, text.count)
            // The path is not a link, or does not exist, so the file gets this path.
            if length < 0 { return path }
            let isAbsolute = text[0] == CChar(UInt8(ascii: "/"))
            path = (isAbsolute ? [] : directory(of: path)) + text.prefix(length) + [0]
        }
        throw Errno.tooManySymbolicLinkLevels
    }

    /// Returns the directory of a path, including any trailing slash, but without a terminating zero.
    private static func directory(of path: [CChar]) -> [CChar] {
        guard let slash = path.lastIndex(of: CChar(UInt8(ascii: "/"))) else { return [] }
        return Array(path[...slash])
    }

    /// Creates a new file with an unused name.
    private static func makeFile(in directory: [CChar], _ permissions: UInt32) throws(Errno) -> (Int32, [CChar]) {
        while true {
            let name = ".asyncio-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
            let path = directory + name.utf8CString
            let file = FileCalls.open(path, O_RDWR | O_CREAT | O_EXCL, permissions)
            if file == -Int(EEXIST) { continue }
            return (Int32(try check(file)), path)
        }
    }

    /// Makes the new name durable.
    private static func syncDirectory(_ directory: [CChar]) throws(Errno) {
        let path = directory.isEmpty ? Array(".".utf8CString) : directory + [0]
        let file = Int32(try check(FileCalls.open(path, O_RDONLY | O_DIRECTORY, 0)))
        defer { closeOnce(file) }
        _ = try check(FileCalls.sync(file, onlyData: false))
    }
}

extension FileRequest {
    /// The number of bytes to write between two checks for cancellation.
    private static let portion = 4 * 1024 * 1024

    func replace(_ permissions: UInt32, _ sync: Bool) -> Int {
        result { () throws(Errno) in
            let (replacement, file) = try FileReplacement.begin(at: path, permissions)
            defer { closeOnce(file) }
            do throws(Errno) {
                try writeAll(to: file)
            } catch {
                replacement.abandon()
                throw error
            }
            try replacement.commit(file, sync: sync)
            return 0
        }
    }

    func beginReplacement(_ permissions: UInt32) -> Int {
        result { () throws(Errno) in
            let (replacement, file) = try FileReplacement.begin(at: path, permissions)
            self.replacement = replacement
            return Int(file)
        }
    }

    func end(_ replacement: FileReplacement, _ sync: Bool) -> Int {
        result { () throws(Errno) in
            try replacement.commit(sync: sync)
            return 0
        }
    }

    func abandon(_ replacement: FileReplacement) -> Int {
        replacement.abandon()
        return 0
    }

    private func result(_ body: () throws(Errno) -> Int) -> Int {
        do { return try body() } catch { return -Int(error.rawValue) }
    }

    private func writeAll(to file: Int32) throws(Errno) {
        var written = 0
        while unsafe written < memory.count {
            if isRevoked { throw .canceled }
            let part = unsafe UnsafeRawBufferPointer(rebasing: memory[written...].prefix(Self.portion))
            // SAFETY: the request owns the memory, which lives as long as the request.
            written += try unsafe check(FileCalls.write(file, part, at: -1))
        }
    }
}
