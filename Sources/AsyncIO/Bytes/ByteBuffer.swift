internal import AsyncIOSystem
internal import Glibc

/// A queue of bytes. Bytes are appended at the end and removed from the front. An empty queue uses no heap memory.
struct ByteBuffer {
    private var storage: [UInt8] = []
    private var head = 0

    var count: Int { storage.count - head }
    var isEmpty: Bool { storage.isEmpty }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        makeRoom()
        unsafe storage.append(contentsOf: bytes)
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        makeRoom()
        storage.append(contentsOf: bytes)
    }

    /// Frees the part of the storage whose bytes have been removed, if that part is large.
    private mutating func makeRoom() {
        guard head > 4096, head * 2 > storage.count else { return }
        storage.removeFirst(head)
        head = 0
    }

    /// Returns the byte at `index`, which must be less than `count`.
    subscript(index: Int) -> UInt8 { storage[head + index] }

    /// Returns the first `count` bytes without removing them.
    func prefix(_ count: Int) -> [UInt8] { Array(storage[head..<head + min(count, self.count)]) }

    mutating func takeFirst(_ count: Int) -> [UInt8] {
        if head == 0, count >= storage.count { return storage.take() }
        let bytes = Array(storage[head..<head + min(count, self.count)])
        dropFirst(bytes.count)
        return bytes
    }

    mutating func dropFirst(_ count: Int) {
        head += min(count, self.count)
        if head == storage.count { removeAll() }
    }

    mutating func removeAll() {
        storage = []
        head = 0
    }

    /// Calls `body` with the bytes in the queue.
    func withBytes<T, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> T) throws(E) -> T {
        // SAFETY: the pointer is used inside `body` only, and `body` does not change the buffer.
        let result: Result<T, E> = unsafe storage.withUnsafeBytes { bytes in
            do throws(E) {
                return .success(unsafe try body(UnsafeRawBufferPointer(rebasing: bytes[head...])))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Returns the position of the first occurrence of `byte` at or after `start`.
    @inline(__always)
    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        // SAFETY: the pointer is used inside the closure only.
        unsafe storage.withUnsafeBytes { bytes in
            unsafe bytes.firstIndex(of: byte, from: head + start).map { $0 - head }
        }
    }

    /// Returns the position of the first occurrence of `separator` between `start` and `end`. The separator must not be
    /// empty.
    func firstIndex(of separator: [UInt8], from start: Int, to end: Int) -> Int? {
        unsafe withBytes { bytes in
            unsafe UnsafeRawBufferPointer(rebasing: bytes[..<end]).firstIndex(of: separator, from: start)
        }
    }

    func starts(with prefix: [UInt8], at offset: Int) -> Bool {
        count >= offset + prefix.count
            && storage[(head + offset)...].starts(with: prefix)
    }
}

extension Array {
    /// Returns the contents of the array and leaves the array empty.
    mutating func take() -> [Element] {
        defer { self = [] }
        return self
    }
}

extension UnsafeRawBufferPointer {
    /// Returns the position of the first occurrence of `separator` at or after `start`. The separator must not be
    /// empty.
    func firstIndex(of separator: [UInt8], from start: Int) -> Int? {
        guard start <= count - separator.count else { return nil }
        if separator.count == 1 { return unsafe firstIndex(of: separator[0], from: start) }
        return unsafe separator.withUnsafeBytes { wanted in
            // Usually, the separator begins where its first byte occurs.
            guard let first = unsafe firstIndex(of: wanted[0], from: start), first <= count - wanted.count else {
                return nil
            }
            let candidate = unsafe UnsafeRawBufferPointer(rebasing: self[first..<first + wanted.count])
            if unsafe candidate.elementsEqual(wanted) { return first }
            return unsafe firstIndex(ofBytes: wanted, from: first + 1)
        }
    }

    /// Returns the position of the first occurrence of `byte` at or after `start`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        // SAFETY: memchr reads the `count - start` bytes from `start`, all of which belong to this array.
        guard let found = unsafe memchr(base + start, Int32(byte), count - start) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}
