internal import CShims
package import SystemPackage

/// A descriptor for reading and writing bytes. If the object owns the descriptor, it closes it on
/// deallocation.
///
/// The descriptor is non-blocking, so each call tries once. After `.wouldBlock`, wait for the
/// poller and try again. This class reads and writes, which works for pipes and terminals.
/// ``Socket`` receives and sends.
package class ByteDescriptor {
    /// -1 once it is closed.
    @safe @exclusivity(unchecked) package private(set) final var descriptor: Int32

    private let isOwned: Bool

    /// Takes ownership of a descriptor without changing it.
    package init(owning descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = true
    }

    /// Uses a descriptor that its owner keeps open meanwhile.
    package init(borrowing descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = false
    }

    deinit { close() }

    /// Reads at most `buffer.count` bytes; 0 is the end of the stream.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
        try unsafe check(asyncio_read(descriptor, buffer.baseAddress, buffer.count))
    }

    /// Writes as much as fits into the kernel's buffer, and returns the number of bytes.
    package func send(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
        try unsafe check(asyncio_write(descriptor, buffer.baseAddress, buffer.count))
    }

    package final func close() {
        guard descriptor >= 0 else { return }
        if isOwned { _ = asyncio_close(descriptor) }
        descriptor = -1
    }

    /// Gives up ownership of the descriptor. The caller has to close it.
    package final func giveUp() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    // MARK: The kind

    package enum Kind { case pipe, socket, terminal, file, other }

    package final var kind: Kind {
        switch asyncio_kind(descriptor) {
        case Int32(ASYNCIO_KIND_PIPE): .pipe
        case Int32(ASYNCIO_KIND_SOCKET): .socket
        case Int32(ASYNCIO_KIND_TERMINAL): .terminal
        case Int32(ASYNCIO_KIND_FILE): .file
        default: .other
        }
    }

    /// Whether the descriptor supports reading and writing but cannot be watched by a poller.
    package static func isUnwatchable(_ descriptor: Int32) -> Bool { asyncio_is_unwatchable(descriptor) }

    /// Opens a new descriptor for the target of a standard one, or for /dev/null if that is not
    /// open.
    package static func openStandard(_ number: Int32) throws(Errno) -> Int32 {
        try check(asyncio_open_standard(number))
    }

    package final var isNonBlocking: Bool { asyncio_is_nonblocking(descriptor) }

    /// Makes the descriptor non-blocking, for everyone who shares it, and close-on-exec.
    package final func prepare() throws(Errno) { _ = try check(asyncio_prepare_descriptor(descriptor)) }
}
