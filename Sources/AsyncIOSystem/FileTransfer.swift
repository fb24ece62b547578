internal import Glibc
package import SystemPackage

/// Transfers from files to sockets.
package enum FileTransfer {
    /// The maximum number of bytes for one call. Without a maximum, a call could continue for as long as the peer
    /// reads.
    private static let most = 1 << 20

    /// Sends part of a file within the kernel. Returns the number of sent bytes, which is 0 at the end of the file.
    package static func send(_ file: Int32, from offset: Int, count: Int?, to socket: Socket) throws(Errno) -> Int {
        var position = off_t(offset)
        let (descriptor, most) = (socket.descriptor, min(count ?? most, most))
        // SAFETY: the system reads and writes the position, which is on this stack.
        return try attemptUninterrupted { unsafe sendfile(descriptor, file, &position, most) }
    }

    /// Whether an error means that the system cannot send this file in this way.
    package static func isUnsupported(_ error: Errno) -> Bool {
        [
            .invalidArgument, .noFunction, .notSupported, .badFileDescriptor,
            // The seccomp filter of a container may reject the call.
            .notPermitted, .permissionDenied,
        ].contains(error)
    }

    /// Reads part of a file. Returns fewer bytes at the end of the file. The call can block.
    package static func read(_ file: Int32, from offset: Int, count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(Errno) {
                // SAFETY: the kernel writes at most `count` bytes into a buffer of that size.
                filled = try attemptUninterrupted { unsafe pread(file, buffer.baseAddress, count, off_t(offset)) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package static func seek(_ file: Int32, to offset: Int) throws(Errno) {
        guard lseek(file, off_t(offset), SEEK_SET) >= 0 else { throw Errno(rawValue: errno) }
    }
}
