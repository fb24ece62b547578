internal import CShims
package import SystemPackage

/// A poller based on epoll.
package final class EpollPoller: Poller {
    /// The maximum number of events to take from the kernel at once. Further events are taken in the next turn.
    private static let capacity = 256

    @safe @exclusivity(unchecked) private var epoll: Int32
    package var descriptor: Int32 { epoll }
    @safe @exclusivity(unchecked) private var events: [asyncio_event]
    package let wakeUp: WakeUp

    package init() throws(Errno) {
        wakeUp = try WakeUp()
        epoll = try check(asyncio_epoll_create())
        events = Array(repeating: asyncio_event(), count: Self.capacity)
        // The edge-triggered eventfd does not have to be read, because each write to it is a new edge. No descriptor
        // has this token, so the event only ends the wait.
        do {
            try add(wakeUp.descriptor, for: [.readable, .edge], token: .max)
        } catch {
            closeOnce(epoll)
            throw error
        }
    }

    deinit { close() }

    package func close() {
        guard epoll >= 0 else { return }
        closeOnce(epoll)
        epoll = -1
        wakeUp.close()
    }

    package func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        _ = try check(asyncio_epoll_add(epoll, descriptor, interest.mask, token))
    }

    package func modify(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        _ = try check(asyncio_epoll_modify(epoll, descriptor, interest.mask, token))
    }

    package func remove(_ descriptor: Int32) throws(Errno) {
        _ = try check(asyncio_epoll_remove(epoll, descriptor))
    }

    package func wait(timeout: Int64?) throws(Errno) -> Int {
        let result = unsafe events.withUnsafeMutableBufferPointer { buffer in
            // SAFETY: the kernel writes at most `count` events into the array, which nothing else uses in the meantime.
            unsafe asyncio_epoll_wait(epoll, buffer.baseAddress, Int32(buffer.count), timeout ?? -1)
        }
        guard result < 0 else { return Int(result) }
        let error = Errno(rawValue: -result)
        if error == .interrupted { return 0 }
        throw error
    }

    package func event(at index: Int) -> PollEvent {
        PollEvent(token: events[index].token, mask: events[index].events)
    }
}
