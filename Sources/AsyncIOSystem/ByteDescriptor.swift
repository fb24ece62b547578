internal import Glibc
package import SystemPackage

/// A descriptor for reading and writing bytes. An object that owns its descriptor closes the descriptor on
/// deallocation.
///
/// The descriptor is non-blocking, so each call makes one attempt. After `.wouldBlock`, wait for the poller and try
/// again. This class uses the system's calls for reading and writing, which work for pipes and terminals. ``Socket``
/// uses the calls for receiving and sending.
package class ByteDescriptor {
    /// The number of the descriptor, or -1 if it is closed.
    @safe @exclusivity(unchecked) package private(set) final var descriptor: Int32

    private let isOwned: Bool

    /// Takes ownership of a descriptor without changing it.
    package init(owning descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = true
    }

    /// Uses a descriptor that its owner keeps open during the lifetime of this object.
    package init(borrowing descriptor: Int32) {
        self.descriptor = descriptor
        isOwned = false
    }

    deinit { close() }

    /// Reads at most `buffer.count` bytes, and returns the number of bytes that were read. At the end of the stream,
    /// this number is 0.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let descriptor = descriptor
        // SAFETY: the kernel writes at most `count` bytes at `baseAddress`.
        return try attemptUninterrupted { unsafe read(descriptor, buffer.baseAddress, buffer.count) }
    }

    /// Writes as many bytes as fit into the kernel's buffer, and returns their number.
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

    /// Gives up ownership of the descriptor. The caller must close the descriptor.
    package final func giveUp() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    package final var isNonBlocking: Bool {
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && flags & O_NONBLOCK != 0
    }

    /// Makes the descriptor close-on-exec, and makes it non-blocking for all processes that share it.
    package final func prepare() throws(Errno) {
        let descriptor = descriptor
        let flags = try attempt { fcntl(descriptor, F_GETFL) }
        try attempt { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
        try attempt { fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    }
}
