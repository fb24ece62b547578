internal import CShims
internal import Glibc
package import SystemPackage

/// Bytes in several places that are sent one after the other, without being joined.
///
/// One system call is told of many places. Small ones are copied into memory that the caller lends, side by
/// side, since to name a place costs the system more than to copy a few bytes.
package struct Gathering {
    private let pieces: [[UInt8]]
    // The first that is not sent, and how much of it is.
    private var index = 0
    private var offset = 0
    /// How many bytes are left.
    package private(set) var count: Int

    /// As many places are named in one call at most.
    private static let mostPlaces = 64
    /// Smaller ones are copied.
    private static let leastNamed = 2048
    /// No more bytes than that in one call, which may go on for as long as the peer takes them.
    private static let mostBytes = 1 << 20

    package init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        count = 0
        for piece in pieces { count += piece.count }
    }

    /// The first `count` bytes are sent.
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

    /// What is left, piece by piece.
    package func eachPiece(_ body: (ArraySlice<UInt8>) -> Void) {
        guard index < pieces.count else { return }
        body(pieces[index][offset...])
        for piece in pieces[(index + 1)...] { body(piece[...]) }
    }

    /// Hands `body` what is left in blocks, until it has had all: a large piece alone, small ones joined in
    /// `memory`.
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

    /// Hands `body` the next places, as many as one call takes.
    fileprivate func withPlaces<T, E: Error>(
        _ most: Int = Gathering.mostPlaces, joiningIn memory: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeBufferPointer<iovec>) throws(E) -> T
    ) throws(E) -> T {
        // SAFETY: `collect` initializes as many as it hands on, and their memory stays while `body` runs.
        let result: Result<T, E> = unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: most) { places in
            do throws(E) {
                return .success(unsafe try collect(places, 0, in: memory, 0, Self.mostBytes, from: index, offset, body))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Each piece that is named lends its memory to the rest of the work: so this calls itself for each.
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
    /// Writes what fits into the kernel's buffer of the next pieces; returns how much that was.
    ///
    /// - Parameter memory: to join small ones in.
    package final func send(
        _ gathering: Gathering, joiningIn memory: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        let isSocket = self is Socket
        return try unsafe gathering.withPlaces(joiningIn: memory) { places throws(Errno) in
            // SAFETY: the kernel reads the places and what they name before this returns.
            try unsafe check(
                isSocket
                    ? asyncio_sendmsg(descriptor, places.baseAddress, places.count)
                    : asyncio_writev(descriptor, places.baseAddress, places.count))
        }
    }
}
