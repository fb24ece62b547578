internal import CShims
internal import Synchronization
package import SystemPackage

/// An eventfd that ends a poller's wait. Any thread can signal this object while the object exists. Signaling the
/// object after it was closed has no effect.
package final class WakeUp: Sendable {
    package let descriptor: Int32

    package init() throws(Errno) {
        descriptor = try check(asyncio_eventfd_create())
    }

    deinit { close() }

    /// Makes this object signal the poller of `other`, instead of its own. The descriptor keeps its number.
    package func redirect(to other: WakeUp) throws(Errno) {
        _ = try check(asyncio_eventfd_alias(other.descriptor, descriptor))
    }

    /// Twice the number of threads that are executing `signal`. The value is odd after the object was closed.
    private let users = Atomic(0)
    /// The value of `users` after the descriptor was closed. It is odd, and larger than any number of threads.
    private static let closed = 1 << 62 | 1

    package func signal() {
        if users.add(2, ordering: .acquiring).oldValue & 1 == 0 { asyncio_eventfd_signal(descriptor) }
        if users.subtract(2, ordering: .releasing).newValue == 1 { closeDescriptor() }
    }

    /// Closes the descriptor immediately, or when the last thread that is using it has finished.
    package func close() {
        if users.bitwiseOr(1, ordering: .acquiringAndReleasing).newValue == 1 { closeDescriptor() }
    }

    /// Closes the descriptor only once, even if several threads call this method.
    private func closeDescriptor() {
        let (isFirst, _) = users.compareExchange(
            expected: 1, desired: Self.closed, ordering: .acquiringAndReleasing)
        if isFirst { closeOnce(descriptor) }
    }
}
