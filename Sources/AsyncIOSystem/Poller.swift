package import SystemPackage

/// What a descriptor is watched for.
package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: 1 << 0)
    package static let writable = Interest(rawValue: 1 << 1)
    /// In events only: the peer sends no more, or the descriptor is in error.
    package static let hangup = Interest(rawValue: 1 << 2)
    /// Report changes only, not states: who is told must drain.
    package static let edge = Interest(rawValue: 1 << 3)
}

/// One descriptor's news.
package struct PollEvent: Sendable {
    /// What the descriptor was registered with.
    package let token: UInt64
    package let ready: Interest

    // Plain tests of a bit: an OptionSet's are generic, and not specialised in other modules.
    @inlinable package var isReadable: Bool { ready.rawValue & 1 != 0 }
    @inlinable package var isWritable: Bool { ready.rawValue & 2 != 0 }
    @inlinable package var isHungUp: Bool { ready.rawValue & 4 != 0 }
}

/// Waits for descriptors. Used by one thread, that of its loop; only `wakeUp`'s
/// `signal` may be called from others.
package protocol Poller: AnyObject {
    func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func modify(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno)
    func remove(_ descriptor: Int32) throws(Errno)
    /// Waits for at most `timeout` nanoseconds, for ever if that is nil. Returns early
    /// when `wakeUp` is signalled.
    ///
    /// - Returns: how many events there are; they stay until the next wait.
    func wait(timeout: Int64?) throws(Errno) -> Int
    /// One of the latest wait's events.
    func event(at index: Int) -> PollEvent
    /// Readable, for another poller, when there are events.
    var descriptor: Int32 { get }
    /// Ends a wait from any thread.
    var wakeUp: WakeUp { get }
    /// Gives back to the system what it has granted, whoever still holds the object. Nothing
    /// else is called afterwards.
    func close()
}
