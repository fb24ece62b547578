internal import CShims
internal import Synchronization
package import SystemPackage

/// An eventfd that ends a poller's wait. May be signalled from any thread, as long as this
/// object lives, also when it was closed: then nothing happens.
package final class WakeUp: Sendable {
    package let descriptor: Int32

    package init() throws(Errno) {
        descriptor = try check(asyncio_eventfd_create())
    }

    deinit { close() }

    /// Twice the number of threads that are in `signal`; odd once nobody shall wake any more.
    private let users = Atomic(0)
    /// The descriptor is closed. Odd, and no number of threads comes near it.
    private static let closed = 1 << 62 | 1

    package func signal() {
        if users.add(2, ordering: .acquiring).oldValue & 1 == 0 { asyncio_eventfd_signal(descriptor) }
        if users.subtract(2, ordering: .releasing).newValue == 1 { closeDescriptor() }
    }

    /// Closes the descriptor at once; if a thread is using it at this moment, that thread does.
    package func close() {
        if users.bitwiseOr(1, ordering: .acquiringAndReleasing).newValue == 1 { closeDescriptor() }
    }

    /// Several may find themselves the last one.
    private func closeDescriptor() {
        let (isFirst, _) = users.compareExchange(
            expected: 1, desired: Self.closed, ordering: .acquiringAndReleasing)
        if isFirst { _ = asyncio_close(descriptor) }
    }
}
