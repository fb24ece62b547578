internal import CShims
internal import Glibc
internal import Synchronization
package import SystemPackage

/// A file operation that may take some time, and the memory that it needs. A thread (`perform`) or a ring
/// (`Ring.submit`) performs the operation, with the same result.
//
// SAFETY: the loop creates the request and passes it on. The thread or ring that performs the request has exclusive
// access until it reports completion through the inbox's mutex or the ring. Only `claim` is shared.
@safe
package final class FileRequest: @unchecked Sendable {
    package enum Action: Sendable {
        /// Opens a file. The result is the descriptor.
        case open(flags: Int32, permissions: UInt32)
        /// Reads bytes. The result is the number of bytes. An offset of -1 means the descriptor's current position.
        case read(Int32, offset: Int64)
        case write(Int32, offset: Int64)
        case sync(Int32, onlyData: Bool)
        case truncate(Int32, size: Int64)
        case close(Int32)
        /// Replaces the file at `path` atomically with these bytes.
        case replace(permissions: UInt32, sync: Bool)
        /// Begins to replace the file at `path` in several steps. The result is the descriptor of the new file; see
        /// `replacement`.
        case beginReplacement(permissions: UInt32)
        case endReplacement(FileReplacement, sync: Bool)
        case abandonReplacement(FileReplacement)
    }

    private enum Claim { static let none: UInt8 = 0, begun: UInt8 = 1, revoked: UInt8 = 2 }

    package let action: Action
    /// The path, with a terminating zero.
    package let path: [CChar]
    /// The bytes to write, or a buffer for the bytes to read.
    package let memory: UnsafeMutableRawBufferPointer
    private let claim = Atomic(Claim.none)
    /// The result of the system call, or a negative error number.
    package var result = -Int(Errno.canceled.rawValue)
    /// Whether the request was not performed because it would have had to wait for another process.
    package private(set) var mustBlock = false
    /// The replacement that this request has begun.
    package var replacement: FileReplacement?

    package init(_ action: Action, path: [CChar] = [], capacity: Int = 0) {
        self.action = action
        self.path = path
        unsafe memory = .allocate(byteCount: capacity, alignment: 16)
    }

    package convenience init(_ action: Action, path: [CChar] = [], copying bytes: ArraySlice<UInt8>) {
        self.init(action, path: path, capacity: bytes.count)
        unsafe memory.copyBytes(from: bytes)
    }

    deinit { unsafe memory.deallocate() }

    package var error: Errno? { result < 0 ? Errno(rawValue: Int32(-result)) : nil }

    /// The bytes that were read.
    package var bytes: [UInt8] { unsafe Array(memory.prefix(max(0, result))) }

    // MARK: On a thread

    /// Performs the request unless it was revoked.
    ///
    /// - Parameter mayBlock: Whether the request may wait for another process. If the request would have to wait but
    ///   may not, the method sets `mustBlock` and does nothing else.
    package func perform(mayBlock: Bool) {
        guard claim.compareExchange(expected: Claim.none, desired: Claim.begun, ordering: .relaxed).exchanged
        else { return }
        mustBlock = false
        if !mayBlock, case .open(let flags, let permissions) = action {
            result = FileCalls.openUnlessBlocking(path, flags, permissions)
            guard result == -Int(EAGAIN) else { return }
            result = -Int(ECANCELED)
            mustBlock = claim.compareExchange(expected: Claim.begun, desired: Claim.none, ordering: .relaxed).exchanged
        } else {
            result = run()
        }
    }

    private func run() -> Int {
        // SAFETY: this object owns the memory, which has the given size.
        switch action {
        case .open(let flags, let permissions): FileCalls.open(path, flags, permissions)
        case .read(let file, let offset): unsafe FileCalls.read(file, into: memory, at: offset)
        case .write(let file, let offset): unsafe FileCalls.write(file, UnsafeRawBufferPointer(memory), at: offset)
        case .sync(let file, let onlyData): FileCalls.sync(file, onlyData: onlyData)
        case .truncate(let file, let size): FileCalls.truncate(file, to: size)
        case .close(let file): Int(closeOnce(file))
        case .replace(let permissions, let sync): replace(permissions, sync)
        case .beginReplacement(let permissions): beginReplacement(permissions)
        case .endReplacement(let replacement, let sync): end(replacement, sync)
        case .abandonReplacement(let replacement): abandon(replacement)
        }
    }

    /// Revokes a request that is no longer needed.
    ///
    /// - Returns: Whether the request had not started. A request that has started stops early if possible.
    package func revoke() -> Bool {
        claim.exchange(Claim.revoked, ordering: .relaxed) == Claim.none
    }

    package var isRevoked: Bool { claim.load(ordering: .relaxed) == Claim.revoked }
}

extension Ring {
    /// The size above which copies are not made on the loop's thread.
    private static let largeCount = 256 * 1024

    /// Submits a request to the kernel.
    ///
    /// - Returns: False if rings do not support the operation.
    package func submit(_ request: FileRequest, token: UInt64) throws(Errno) -> Bool {
        // SAFETY: the request retains the memory until the operation has completed. The kernel copies the path before
        // the submission returns.
        try unsafe request.path.withUnsafeBufferPointer { path throws(Errno) in
            guard let queued = unsafe queue(request, path: path.baseAddress, token: token) else { return false }
            _ = try check(queued)
            _ = try unsafe check(asyncio_ring_submit_or_drop(ring))
            return true
        }
    }

    private func queue(_ request: FileRequest, path: UnsafePointer<CChar>?, token: UInt64) -> Int32? {
        let (memory, aside) = unsafe (request.memory, request.memory.count > Self.largeCount)
        return switch request.action {
        case .open(let flags, let permissions):
            unsafe asyncio_ring_open(ring, path, flags | O_CLOEXEC, permissions, token)
        case .read(let file, let offset):
            unsafe asyncio_ring_read(ring, file, memory.baseAddress, memory.count, offset, aside, token)
        case .write(let file, let offset):
            unsafe asyncio_ring_write(ring, file, memory.baseAddress, memory.count, offset, aside, token)
        case .sync(let file, let onlyData): unsafe asyncio_ring_sync(ring, file, onlyData, token)
        case .close(let file): unsafe asyncio_ring_close(ring, file, token)
        case .truncate, .replace, .beginReplacement, .endReplacement, .abandonReplacement: nil
        }
    }
}
