internal import CShims
internal import Glibc

extension UnsafeRawBufferPointer {
    /// Returns the first position of `byte` at `start` or later.
    package func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        // SAFETY: memchr looks at the `count - start` bytes from `start`, which are ours.
        guard let found = unsafe memchr(base + start, Int32(byte), count - start) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }

    /// Returns the first position of `bytes` at `start` or later.
    ///
    /// - Complexity: O(*n* + *m*) for the two lengths, not O(*n* × *m*).
    package func firstIndex(ofBytes bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < count, let base = baseAddress, let wanted = bytes.baseAddress else { return nil }
        // SAFETY: memmem looks at the `count - start` bytes from `start`, which are ours, and at all of `bytes`.
        guard let found = unsafe asyncio_find(base + start, count - start, wanted, bytes.count) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}
