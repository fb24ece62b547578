internal import CShims
package import SystemPackage

/// A descriptor for bytes, which it mostly owns: then it is closed with this object.
///
/// It is non-blocking, so that the calls try once. `.wouldBlock` means: wait for the poller,
/// try again. This class reads and writes, which serves pipes and terminals; ``Socket``
/// receives and sends.
package class ByteDescriptor {
    /// -1 once closed.
    @safe @exclusivity(unchecked) package private(set) final var descriptor: Int32

    private let isOwned: Bool

    /// Takes the descriptor over as it is.
    package init(owning descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = true
    }

    /// Uses somebody else's descriptor, who keeps it open meanwhile.
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

    /// Writes what fits into the kernel's buffer; returns how much that was.
    package func send(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
        try unsafe check(asyncio_write(descriptor, buffer.baseAddress, buffer.count))
    }

    package final func close() {
        guard descriptor >= 0 else { return }
        if isOwned { _ = asyncio_close(descriptor) }
        descriptor = -1
    }

    /// Makes the descriptor somebody else's, who closes it.
    package final func giveUp() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    // MARK: What it is

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

    /// Whether it has bytes, but no poller watches it.
    package static func isUnwatchable(_ descriptor: Int32) -> Bool { asyncio_is_unwatchable(descriptor) }

    /// A new descriptor for what a standard one stands for: /dev/null if that is not open.
    package static func openStandard(_ number: Int32) throws(Errno) -> Int32 {
        try check(asyncio_open_standard(number))
    }

    package final var isNonBlocking: Bool { asyncio_is_nonblocking(descriptor) }

    /// Makes it non-blocking, for everybody who shares it, and close-on-exec.
    package final func prepare() throws(Errno) { _ = try check(asyncio_prepare_descriptor(descriptor)) }
}
