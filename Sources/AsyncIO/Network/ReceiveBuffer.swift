/// The memory into which a loop's connections receive bytes, one connection at a time. The received bytes are copied to
/// the reader, so that an idle connection needs no buffer.
@safe
final class ReceiveBuffer {
    /// The maximum number of bytes to receive with one system call. The number is large, so that large messages need
    /// only a few calls.
    static let capacity = 256 * 1024

    // SAFETY: the memory is allocated here and freed with the loop. It is used on the loop's thread, between two
    // suspensions. The pages use no physical memory until they are first accessed.
    let bytes: UnsafeMutableRawBufferPointer

    init() {
        Self.letMallocKeepMemory
        unsafe bytes = .allocate(byteCount: Self.capacity, alignment: 64)
    }

    deinit { unsafe bytes.deallocate() }

    /// Makes malloc retain more of the memory that the program frees.
    ///
    /// Received bytes are stored in short-lived arrays. If the arrays are large, glibc's malloc repeatedly returns
    /// their memory to the system, because by default it retains at most 128 KiB at the end of a heap. Each page of the
    /// next array then causes a page fault, and these page faults cost as much time as receiving the bytes.
    ///
    /// When a block that is larger than any earlier block is freed, malloc adapts, and from then on retains up to twice
    /// the size of that block. Therefore, this code allocates and frees a large block once per process. The pages of
    /// the block are never used. Environment variables such as `MALLOC_TRIM_THRESHOLD_` take precedence, because malloc
    /// does not adapt when they are set.
    private static let letMallocKeepMemory: Void = {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 << 20, alignment: 16)
        unsafe block.deallocate()
    }()
}
