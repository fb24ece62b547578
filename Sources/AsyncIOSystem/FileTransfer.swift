internal import CShims
package import SystemPackage

/// Files to sockets.
package enum FileTransfer {
    /// At most so many bytes at once: one call may go on for as long as the peer takes what it is sent.
    private static let most = 1 << 20

    /// Sends a part of a file from kernel to kernel; 0 at its end.
    package static func send(_ file: Int32, from offset: Int, count: Int?, to socket: Socket) throws(Errno) -> Int {
        var position = Int64(offset)
        return try unsafe check(
            asyncio_sendfile(socket.descriptor, file, &position, min(count ?? most, most)))
    }

    /// Whether an error says that the system has no way to send this file so.
    package static func isUnsupported(_ error: Errno) -> Bool {
        [
            .invalidArgument, .noFunction, .notSupported, .badFileDescriptor,
            // A container's filter does not know the call.
            .notPermitted, .permissionDenied,
        ].contains(error)
    }

    /// Reads a part of a file, fewer bytes at its end. It may block.
    package static func read(_ file: Int32, from offset: Int, count: Int) throws(Errno) -> [UInt8] {
        var failure: Errno?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(Errno) {
                // SAFETY: the kernel writes at most `count` bytes, which there are.
                filled = try unsafe check(asyncio_pread(file, buffer.baseAddress, count, Int64(offset)))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package static func seek(_ file: Int32, to offset: Int) throws(Errno) {
        _ = try check(asyncio_seek(file, Int64(offset)))
    }
}
