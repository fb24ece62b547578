internal import CShims
package import SystemPackage

/// An eventfd that ends a poller's wait. May be signalled from any thread and
/// from signal handlers, as long as this object lives.
package final class WakeUp: Sendable {
    package let descriptor: Int32

    package init() throws(Errno) {
        descriptor = try check(asyncio_eventfd_create())
    }

    deinit { _ = asyncio_close(descriptor) }

    package func signal() { asyncio_eventfd_signal(descriptor) }
}
