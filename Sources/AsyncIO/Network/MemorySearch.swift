internal import Glibc

extension UnsafeRawBufferPointer {
    /// Where `byte` stands, at `start` or later.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress else { return nil }
        // SAFETY: memchr looks at the `count - start` bytes from `start`, which are ours.
        guard let found = unsafe memchr(base + start, Int32(byte), count - start) else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }
}
