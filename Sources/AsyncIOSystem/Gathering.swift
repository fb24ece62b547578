internal import Glibc
package import SystemPackage

/// Several pieces of data that are sent one after another without being joined.
///
/// One system call takes many pieces. Small pieces are copied into contiguous memory that the caller provides, because
/// a separate entry costs the system more than copying a few bytes.
package struct Gathering {
    private let pieces: [[UInt8]]
    // The first piece that has not been completely sent, and the number of its bytes that have been sent.
    private var index = 0
    private var offset = 0
    /// The number of remaining bytes.
    package private(set) var count: Int

    /// The maximum number of entries in one call.
    private static let mostPlaces = 64
    /// The size below which pieces are copied.
    private static let leastNamed = 2048
    /// The maximum number of bytes for one call. Without a maximum, a call could continue for as long as the peer
    /// reads.
    private static let mostBytes = 1 << 20

    package init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        count = 0
        for piece in pieces { count += piece.count }
    }

    /// Removes the first `count` bytes, which were sent.
    package mutating func dropFirst(_ count: Int) {
        self.count -= count
        var left = count
        while index < pieces.count, left >= pieces[index].count - offset {
            left -= pieces[index].count - offset
            index += 1
            offset = 0
        }
        offset += left
    }

    /// Calls `body` with each remaining piece.
    package func eachPiece(_ body: (ArraySlice<UInt8>) -> Void) {
        guard index < pieces.count else { return }
        body(pieces[index][offset...])
        for piece in pieces[(index + 1)...] { body(piece[...]) }
    }

    /// Calls `body` with the remaining data in blocks. Each large piece is a separate block, and small pieces are
    /// joined in `memory`.
    package mutating func takeBlocks<E: Error>(
        joiningIn memory: UnsafeMutableRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(E) -> Void
    ) throws(E) {
        while count > 0 {
            dropFirst(
                try unsafe withPlaces(1, joiningIn: memory) { places throws(E) in
                    let block = unsafe UnsafeRawBufferPointer(start: places[0].iov_base, count: places[0].iov_len)
                    unsafe try body(block)
                    return block.count
                })
        }
    }

    /// Calls `body` with as many of the next entries as one system call accepts.
    fileprivate func withPlaces<T, E: Error>(
        _ most: Int = Gathering.mostPlaces, joiningIn memory: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeBufferPointer<iovec>) throws(E) -> T
    ) throws(E) -> T {
        // SAFETY: `collect` initializes the entries that it passes on, whose memory stays valid
        // while `body` runs.
        let result: Result<T, E> = unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: most) { places in
            do throws(E) {
                return .success(unsafe try collect(places, 0, in: memory, 0, Self.mostBytes, from: index, offset, body))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Collects entries recursively, because the memory of each piece is valid only inside a
    /// closure.
    private func collect<T, E: Error>(
        _ places: UnsafeMutableBufferPointer<iovec>, _ used: Int, in memory: UnsafeMutableRawBufferPointer,
        _ filled: Int, _ room: Int, from first: Int, _ offset: Int,
        _ body: (UnsafeBufferPointer<iovec>) throws(E) -> T
    ) throws(E) -> T {
        var (index, offset, used, end) = (first, offset, used, filled)
        guard used < places.count, room > 0 else {
            return unsafe try body(UnsafeBufferPointer(rebasing: places[..<used]))
        }
        while index < pieces.count {
            let count = pieces[index].count - offset
            guard count < Self.leastNamed, end + count <= memory.count else { break }
            // SAFETY: there is room for `count` bytes at `end`.
            unsafe pieces[index].withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: memory[end...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            }
            end += count
            index += 1
            offset = 0
        }
        if end > filled {
            let joined = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled..<end])
            unsafe places[used] = iovec(iov_base: joined.baseAddress, iov_len: joined.count)
            used += 1
        }
        guard index < pieces.count, used < places.count else {
            return unsafe try body(UnsafeBufferPointer(rebasing: places[..<used]))
        }
        let piece = pieces[index]
        return try unsafe piece.span.bytes.withUnsafeBytes { bytes throws(E) in
            let most = max(1, room - (end - filled))
            let named = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...].prefix(most))
            unsafe places[used] = iovec(
                iov_base: UnsafeMutableRawPointer(mutating: named.baseAddress), iov_len: named.count)
            let left = room - (end - filled) - named.count
            return unsafe try collect(places, used + 1, in: memory, end, left, from: index + 1, 0, body)
        }
    }
}

extension ByteDescriptor {
    /// Writes as many bytes of the next pieces as fit into the kernel's buffer, and returns their number.
    ///
    /// - Parameter memory: A buffer for joining small pieces.
    package final func send(
        _ gathering: Gathering, joiningIn memory: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let (isSocket, descriptor) = (self is Socket, descriptor)
        return try unsafe gathering.withPlaces(joiningIn: memory) { places throws(Errno) in
            // SAFETY: the kernel reads the entries and their bytes before this returns.
            guard isSocket else {
                return try unsafe writeWithoutSignal(descriptor, places.baseAddress, count: places.count)
            }
            var message = unsafe msghdr()
            unsafe message.msg_iov = UnsafeMutablePointer(mutating: places.baseAddress)
            unsafe message.msg_iovlen = places.count
            return try attemptUninterrupted { unsafe sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)) }
        }
    }
}
