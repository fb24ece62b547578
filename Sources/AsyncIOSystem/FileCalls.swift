internal import CShims
internal import Glibc
internal import SystemPackage

/// File operations that can take a long time. They run on threads that `InterruptibleThread.interrupt` can interrupt.
/// If an operation fails, it returns the negative error number. Paths end with a zero byte, and an offset of -1 means
/// the descriptor's current position.
enum FileCalls {
    static func open(_ path: [CChar], _ flags: Int32, _ permissions: UInt32) -> Int {
        // SAFETY: the path ends with a zero.
        interruptibleOutcome { unsafe Int(Glibc.open(path, flags | O_CLOEXEC, permissions)) }
    }

    /// Opens a file, but fails with EAGAIN if the call would have to wait, for example for the other end of a pipe.
    ///
    /// The check and the opening are separate calls. If the file is replaced with a pipe between the two calls, opening
    /// the pipe does not block either.
    static func openUnlessBlocking(_ path: [CChar], _ flags: Int32, _ permissions: UInt32) -> Int {
        // SAFETY: the path ends with a zero.
        if let status = try? unsafe FileStatus(at: path), !isPlain(status) { return -Int(EAGAIN) }
        let file = open(path, flags | O_NONBLOCK, permissions)
        // The file is a pipe without a reader.
        if file == -Int(ENXIO) { return -Int(EAGAIN) }
        // EAGAIN means that another process has a lease on the file and must give it up first.
        if file < 0 { return file }
        if let status = try? FileStatus(of: Int32(file)), isPlain(status) {
            _ = fcntl(Int32(file), F_SETFL, flags & ~O_NONBLOCK)
            return file
        }
        closeOnce(Int32(file))
        return -Int(EAGAIN)
    }

    private static func isPlain(_ status: FileStatus) -> Bool { status.isRegular || status.isDirectory }

    static func read(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
        interruptibleOutcome {
            // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
            offset < 0
                ? unsafe Glibc.read(file, buffer.baseAddress, buffer.count)
                : unsafe pread(file, buffer.baseAddress, buffer.count, off_t(offset))
        }
    }

    static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int {
        interruptibleOutcome {
            // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
            offset < 0
                ? unsafe Glibc.write(file, bytes.baseAddress, bytes.count)
                : unsafe pwrite(file, bytes.baseAddress, bytes.count, off_t(offset))
        }
    }

    static func sync(_ file: Int32, onlyData: Bool) -> Int {
        interruptibleOutcome { Int(onlyData ? fdatasync(file) : fsync(file)) }
    }

    static func truncate(_ file: Int32, to size: Int64) -> Int {
        interruptibleOutcome { Int(ftruncate(file, off_t(size))) }
    }
}
