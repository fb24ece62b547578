internal import CShims

extension UnsafeRawBufferPointer {
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
