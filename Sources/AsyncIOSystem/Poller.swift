package import SystemPackage

/// The events that a descriptor is watched for. The raw values are the kernel's, both for epoll and for the poll
/// operations of a ring. epoll.c checks these values.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: 1 << 0)
    package static let writable = Interest(rawValue: 1 << 2)
    /// The peer will send no more data, or the descriptor is in an error state. This value occurs only in events.
    package static let hangup = Interest(rawValue: 1 << 13)
    /// The poller reports only changes, not states. The receiver must drain the descriptor.
    package static let edge = Interest(rawValue: 1 << 31)

    /// The mask for the kernel. It always includes the event `hangup`.
    var mask: UInt32 { rawValue | Interest.hangup.rawValue }
}

/// An event on one descriptor.
package struct PollEvent: Sendable {
    /// The token with which the descriptor was registered.
    package let token: UInt64
    /// The kernel's mask, without changes: EPOLLIN is 1, EPOLLPRI 2, EPOLLOUT 4, EPOLLERR 8, EPOLLHUP 0x10, and
    /// EPOLLRDHUP 0x2000.
    package let mask: UInt32

    package init(token: UInt64, mask: UInt32) {
        self.token = token
        self.mask = mask
    }

    // After an error or a hangup, reading and writing do not block.
    @inlinable package var isReadable: Bool { mask & 0x201b != 0 }
    @inlinable package var isWritable: Bool { mask & 0x1c != 0 }
    @inlinable package var isHungUp: Bool { mask & 0x2018 != 0 }

    package var ready: Interest {
        var ready: Interest = []
        if isReadable { ready.insert(.readable) }
        if isWritable { ready.insert(.writable) }
        if isHungUp { ready.insert(.hangup) }
        return ready
    }
}

/// A type that waits for events on descriptors. Only the thread of the poller's loop uses it, except that any thread
/// can call `signal` on `wakeUp`.
package protocol Poller: AnyObject {
    func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func modify(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func remove(_ descriptor: Int32) throws(Errno)
    /// Waits for at most `timeout` nanoseconds, or without a limit if `timeout` is nil. Returns early when `wakeUp` is
    /// signaled.
    ///
    /// - Returns: The number of events, which are valid until the next wait.
    func wait(timeout: Int64?) throws(Errno) -> Int
    /// Returns an event from the latest wait.
    func event(at index: Int) -> PollEvent
    /// A descriptor that becomes readable when there are events, so that another poller can watch it.
    var descriptor: Int32 { get }
    /// The object with which any thread can end the wait.
    var wakeUp: WakeUp { get }
    /// Returns the poller's resources to the system, even if the object is still referenced. After this call, no other
    /// method is called.
    func close()
}
