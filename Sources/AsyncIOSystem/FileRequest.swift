internal import CShims
internal import Glibc
internal import Synchronization
package import SystemPackage

/// Something asked of a file that may take its time, with the memory that it needs: done by a
/// thread (`perform`) or by a ring (`Ring.submit`), with the same result.
//
// SAFETY: the loop makes it and hands it over; whoever does the work has it alone until he
// has reported its end, through the inbox's mutex or the ring. `claim` is for all.
@safe
package final class FileRequest: @unchecked Sendable {
    package enum Action: Sendable {
        /// The result is the descriptor.
        case open(flags: Int32, permissions: UInt32)
        /// The result is a count of bytes. Offset -1 is the descriptor's own position.
        case read(Int32, offset: Int64)
        case write(Int32, offset: Int64)
        case sync(Int32, onlyData: Bool)
        case truncate(Int32, size: Int64)
        case close(Int32)
        /// The file at `path` has these bytes or what it had, never something between.
        case replace(permissions: UInt32, sync: Bool)
        /// The same in steps. The result is the new file's descriptor; see `replacement`.
        case beginReplacement(permissions: UInt32)
        case endReplacement(FileReplacement, sync: Bool)
        case abandonReplacement(FileReplacement)
    }

    private enum Claim { static let none: UInt8 = 0, begun: UInt8 = 1, revoked: UInt8 = 2 }

    package let action: Action
    /// With its end, a zero.
    package let path: [CChar]
    /// What is written, or room for what is read.
    package let memory: UnsafeMutableRawBufferPointer
    private let claim = Atomic(Claim.none)
    /// What the system call returned, or a negative error number.
    package var result = -Int(Errno.canceled.rawValue)
    /// It was not done, since it would have to wait for another process.
    package private(set) var mustBlock = false
    /// What was begun.
    package internal(set) var replacement: FileReplacement?

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

    /// What was read.
    package var bytes: [UInt8] { unsafe Array(memory.prefix(max(0, result))) }

    // MARK: On a thread

    /// Does it, unless it was revoked.
    ///
    /// - Parameter mayBlock: whether it may wait for another process. If not, and it would have
    ///   to, `mustBlock` is true afterwards and nothing was done.
    package func perform(mayBlock: Bool) {
        guard claim.compareExchange(expected: Claim.none, desired: Claim.begun, ordering: .relaxed).exchanged
        else { return }
        mustBlock = false
        if !mayBlock, case .open(let flags, let permissions) = action {
            result = unsafe Int(asyncio_file_open_unless_blocking(path, flags, permissions))
            guard result == -Int(EAGAIN) else { return }
            result = -Int(ECANCELED)
            mustBlock = claim.compareExchange(expected: Claim.begun, desired: Claim.none, ordering: .relaxed).exchanged
        } else {
            result = run()
        }
    }

    private func run() -> Int {
        // SAFETY: the memory is as large as it says, and ours.
        switch action {
        case .open(let flags, let permissions): unsafe Int(asyncio_file_open(path, flags, permissions))
        case .read(let file, let offset):
            unsafe asyncio_file_read(file, memory.baseAddress, memory.count, offset)
        case .write(let file, let offset):
            unsafe asyncio_file_write(file, memory.baseAddress, memory.count, offset)
        case .sync(let file, let onlyData): Int(asyncio_file_sync(file, onlyData))
        case .truncate(let file, let size): Int(asyncio_file_truncate(file, size))
        case .close(let file): Int(asyncio_close(file))
        case .replace(let permissions, let sync): replace(permissions, sync)
        case .beginReplacement(let permissions): beginReplacement(permissions)
        case .endReplacement(let replacement, let sync): end(replacement, sync)
        case .abandonReplacement(let replacement): abandon(replacement)
        }
    }

    /// It is not wanted any more.
    ///
    /// - Returns: false if it has begun: what can stop in the middle does.
    package func revoke() -> Bool {
        claim.exchange(Claim.revoked, ordering: .relaxed) == Claim.none
    }

    package var isRevoked: Bool { claim.load(ordering: .relaxed) == Claim.revoked }
}

extension Ring {
    /// From how many bytes on a copy is not for the loop's thread.
    private static let largeCount = 256 * 1024

    /// Submits a request and hands it over.
    ///
    /// - Returns: false if rings do not do such a thing.
    package func submit(_ request: FileRequest, token: UInt64) throws(Errno) -> Bool {
        // SAFETY: the request keeps the memory until it has completed; the kernel has copied
        // the path when it is handed over.
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
