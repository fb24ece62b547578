internal import CShims
internal import Glibc
package import SystemPackage

/// Descriptors for a child process. They are close-on-exec, and are closed when their owners are deallocated.
package enum ChildDescriptors {
    package static func pipe() throws(Errno) -> (reader: ByteDescriptor, writer: ByteDescriptor) {
        var (reader, writer) = (Int32(0), Int32(0))
        _ = try unsafe check(asyncio_pipe(&reader, &writer))
        return (ByteDescriptor(owning: reader), ByteDescriptor(owning: writer))
    }

    /// Creates two connected descriptors, each for both reading and writing.
    package static func socketPair() throws(Errno) -> (ours: ByteDescriptor, childs: ByteDescriptor) {
        var ends: [Int32] = [0, 0]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        // SAFETY: there is room for two descriptors.
        try attempt { unsafe socketpair(AF_UNIX, type, 0, &ends) }
        return (ByteDescriptor(owning: ends[0]), ByteDescriptor(owning: ends[1]))
    }

    package static func null() throws(Errno) -> ByteDescriptor {
        ByteDescriptor(owning: try attempt { unsafe open("/dev/null", O_RDWR | O_CLOEXEC) })
    }

    package static func terminal(
        columns: Int, rows: Int
    ) throws(Errno) -> (ours: TerminalDescriptor, childs: ByteDescriptor) {
        var (ours, childs) = (Int32(0), Int32(0))
        _ = try unsafe check(asyncio_open_terminal(&ours, &childs))
        let ends = (ours: TerminalDescriptor(owning: ours), childs: ByteDescriptor(owning: childs))
        try ends.ours.resize(columns: columns, rows: rows)
        return ends
    }
}

/// The controlling side of a pseudo-terminal.
package final class TerminalDescriptor: ByteDescriptor {
    /// If no process still has the other side open, the kernel reports an error. This method treats the error as the
    /// end of the stream.
    package override func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        do {
            return try unsafe super.receive(into: buffer)
        } catch {
            if error == .ioError { return 0 }
            throw error
        }
    }

    package func resize(columns: Int, rows: Int) throws(Errno) {
        let (columns, rows) = (UInt16(truncatingIfNeeded: columns), UInt16(truncatingIfNeeded: rows))
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        // SAFETY: the system reads the variable.
        try attempt { unsafe ioctl(descriptor, UInt(TIOCSWINSZ), &size) }
    }
}
