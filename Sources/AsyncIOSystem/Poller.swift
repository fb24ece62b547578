package import SystemPackage

/// The events that a descriptor is watched for. The numbers are the kernel's, for epoll as well as for poll
/// operations of a ring; epoll.c checks them.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: 1 << 0)
    package static let writable = Interest(rawValue: 1 << 2)
    /// In events only: the peer sends no more, or the descriptor is in an error state.
    package static let hangup = Interest(rawValue: 1 << 13)
    /// Report only changes, not states. The receiver has to drain the descriptor.
    package static let edge = Interest(rawValue: 1 << 31)

    /// What to ask the kernel for. The end of the peer's data is always of interest.
    var mask: UInt32 { rawValue | Interest.hangup.rawValue }
}

/// An event of one descriptor.
package struct PollEvent: Sendable {
    /// The token with which the descriptor was registered.
    package let token: UInt64
    /// The kernel's mask, which is not translated: EPOLLIN is 1, EPOLLPRI 2, EPOLLOUT 4, EPOLLERR 8, EPOLLHUP
    /// 0x10, and EPOLLRDHUP 0x2000.
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

/// Waits for events of descriptors. Used only by the thread of its loop, except that any thread can
/// call `signal` of `wakeUp`.
package protocol Poller: AnyObject {
    func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func modify(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func remove(_ descriptor: Int32) throws(Errno)
    /// Waits for at most `timeout` nanoseconds, or without limit if that is nil. Returns early when
    /// `wakeUp` is signaled.
    ///
    /// - Returns: the number of events, which are valid until the next wait.
    func wait(timeout: Int64?) throws(Errno) -> Int
    /// An event of the latest wait.
    func event(at index: Int) -> PollEvent
    /// A descriptor that is readable, for another poller, when there are events.
    var descriptor: Int32 { get }
    /// Ends a wait from any thread.
    var wakeUp: WakeUp { get }
    /// Returns its resources to the system, even if the object is still referenced. No other method
    /// is called afterwards.
    func close()
}
