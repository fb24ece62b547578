/// The memory that a loop's connections receive into, one after the other. Received bytes are copied to the
/// reader, so that an idle connection holds no buffer.
@safe
final class ReceiveBuffer {
    /// The maximum size of one `recv`, large enough that large messages take few calls.
    static let capacity = 256 * 1024

    // SAFETY: allocated here and freed with the loop; used on the loop's thread, between two suspensions. The
    // pages cost nothing until they are first used.
    let bytes: UnsafeMutableRawBufferPointer

    init() { unsafe bytes = .allocate(byteCount: Self.capacity, alignment: 64) }

    deinit { unsafe bytes.deallocate() }
}
