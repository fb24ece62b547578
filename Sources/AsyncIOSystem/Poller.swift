package import SystemPackage

/// The events that a descriptor is watched for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: 1 << 0)
    package static let writable = Interest(rawValue: 1 << 1)
    /// In events only: the peer sends no more, or the descriptor is in an error state.
    package static let hangup = Interest(rawValue: 1 << 2)
    /// Report only changes, not states. The receiver has to drain the descriptor.
    package static let edge = Interest(rawValue: 1 << 3)
}

/// An event of one descriptor.
package struct PollEvent: Sendable {
    /// The token with which the descriptor was registered.
    package let token: UInt64
    package let ready: Interest

    // Plain bit tests, because those of OptionSet are generic and not specialized in other modules.
    @inlinable package var isReadable: Bool { ready.rawValue & 1 != 0 }
    @inlinable package var isWritable: Bool { ready.rawValue & 2 != 0 }
    @inlinable package var isHungUp: Bool { ready.rawValue & 4 != 0 }
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
