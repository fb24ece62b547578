internal import Glibc
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
        let descriptor = descriptor
        // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
        return try attemptUninterrupted { unsafe read(descriptor, buffer.baseAddress, buffer.count) }
    }

    /// Writes as much as fits into the kernel's buffer, and returns the number of bytes.
    package func send(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        // SAFETY: the kernel reads at most `count` bytes at `baseAddress`.
        var all = unsafe iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), iov_len: buffer.count)
        return try unsafe writeWithoutSignal(descriptor, &all, count: 1)
    }

    package final func close() {
        guard descriptor >= 0 else { return }
        if isOwned { closeOnce(descriptor) }
        descriptor = -1
    }

    /// Gives up ownership of the descriptor. The caller has to close it.
    package final func giveUp() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    package final var isNonBlocking: Bool {
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && flags & O_NONBLOCK != 0
    }

    /// Makes the descriptor non-blocking, for all processes that share it, and close-on-exec.
    package final func prepare() throws(Errno) {
        let descriptor = descriptor
        let flags = try attempt { fcntl(descriptor, F_GETFL) }
        try attempt { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
        try attempt { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
}
