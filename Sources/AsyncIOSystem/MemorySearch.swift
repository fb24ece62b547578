internal import CShims

extension UnsafeRawBufferPointer {
    /// Returns the first position of `bytes` at or after `start`.
    ///
    /// - Complexity: O(*n* + *m*), where *n* and *m* are the two lengths.
    package func firstIndex(ofBytes bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < count, let base = baseAddress, let wanted = bytes.baseAddress else { return nil }
        // SAFETY: memmem reads the `count - start` bytes from `start`, which belong to this buffer, and all of `bytes`.
        guard let found = unsafe asyncio_find(base + start, count - start, wanted, bytes.count) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}
