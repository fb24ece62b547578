internal import CShims
package import SystemPackage

/// Descriptors for a child process. They are close-on-exec and closed with their owners.
package enum ChildDescriptors {
    package static func pipe() throws(Errno) -> (reader: ByteDescriptor, writer: ByteDescriptor) {
        var (reader, writer) = (Int32(0), Int32(0))
        _ = try unsafe check(asyncio_pipe(&reader, &writer))
        return (ByteDescriptor(owning: reader), ByteDescriptor(owning: writer))
    }

    /// Two connected descriptors, each for both reading and writing.
    package static func socketPair() throws(Errno) -> (ours: ByteDescriptor, childs: ByteDescriptor) {
        var (first, second) = (Int32(0), Int32(0))
        _ = try unsafe check(asyncio_socket_pair(&first, &second))
        return (ByteDescriptor(owning: first), ByteDescriptor(owning: second))
    }

    package static func null() throws(Errno) -> ByteDescriptor {
        ByteDescriptor(owning: try check(asyncio_open_null()))
    }

    package static func terminal(
        columns: Int, rows: Int
    ) throws(Errno) -> (ours: TerminalDescriptor, childs: ByteDescriptor) {
        var (ours, childs) = (Int32(0), Int32(0))
        _ = try unsafe check(asyncio_open_terminal(Int32(columns), Int32(rows), &ours, &childs))
        return (TerminalDescriptor(owning: ours), ByteDescriptor(owning: childs))
    }
}

/// The controlling side of a pseudo-terminal.
package final class TerminalDescriptor: ByteDescriptor {
    /// If no process has the other side open any more, the kernel reports an error. Here, that is
    /// the end of the stream.
    package override func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        do {
            return try unsafe super.receive(into: buffer)
        } catch {
            if error == .ioError { return 0 }
            throw error
        }
    }

    package func resize(columns: Int, rows: Int) throws(Errno) {
        _ = try check(asyncio_resize_terminal(descriptor, Int32(columns), Int32(rows)))
    }
}
