internal import AsyncIOSystem

/// A descriptor that the loop's poller watches. Use this type only on the loop's thread.
///
/// A *stream's* descriptor is registered once, for edge-triggered events in both directions. The flags store the state
/// that the kernel last reported. Each operation is attempted before the task waits. If the descriptor is not ready,
/// the operation clears the flag for its direction. A *user's* descriptor (`addReader`, `addWriter`) is registered for
/// level-triggered events in each direction that has a callback or a waiting task.
final class Watch {
    let descriptor: Int32
    let token: UInt64
    let isEdgeTriggered: Bool

    // Streams.
    @safe @exclusivity(unchecked) var canRead = true
    @safe @exclusivity(unchecked) var canWrite = true
    /// Whether the peer has stopped sending data. If the peer has stopped, a short read does not mean that the socket
    /// is drained.
    @safe @exclusivity(unchecked) var isHungUp = false
    /// The current or previous waiter for bytes. The waiter is retained manually, so that waking it does not change its
    /// reference count.
    @safe @exclusivity(unchecked) private(set) var reader: Unretained<Waiter>?
    @safe @exclusivity(unchecked) var writer: Waiter?

    /// The memory address of the object that uses the descriptor, or 0 if the address is unknown. The address is used
    /// for prefetching.
    @safe @exclusivity(unchecked) var ownerBits: UInt = 0

    // The user's callbacks.
    @safe @exclusivity(unchecked) var onReadable: WatchCallback?
    @safe @exclusivity(unchecked) var onWritable: WatchCallback?
    /// The tasks that are waiting for a user's descriptor. The object is created when the first task starts to wait.
    @safe @exclusivity(unchecked) var waits: DescriptorWaits?

    init(descriptor: Int32, token: UInt64, isEdgeTriggered: Bool) {
        self.descriptor = descriptor
        self.token = token
        self.isEdgeTriggered = isEdgeTriggered
    }

    deinit { forgetReader() }

    /// Releases all waiters and callbacks without waking any task.
    func forget() {
        (onReadable, onWritable) = (nil, nil)
        forgetReader()
        (writer, waits) = (nil, nil)
    }

    private func forgetReader() { reader.take()?.release() }

    /// The directions for which a user's descriptor is registered.
    var interest: Interest {
        var interest: Interest = []
        if onReadable != nil || waits?.readers.isEmpty == false { interest.insert(.readable) }
        if onWritable != nil || waits?.writers.isEmpty == false { interest.insert(.writable) }
        return interest
    }

    /// Returns a waiter that completes when the kernel reports bytes or the end of the stream. Returns nil if the
    /// kernel has already reported either of these events.
    func readWaiter() -> Waiter? {
        if canRead { return nil }
        // One object serves all waits of this descriptor, one after the other.
        if let reader {
            reader.with { $0.reset() }
            return reader.object
        }
        let waiter = Waiter(for: "bytes from a socket")
        let reader = Unretained(waiter)
        reader.retain()
        self.reader = reader
        return waiter
    }

    /// Wakes the task that is waiting for bytes, if any.
    @inline(__always)
    func wakeReader(on loop: EventLoop) { reader?.with { $0.complete(on: loop) } }

    /// Suspends until the kernel reports that the descriptor is writable.
    func waitWritable() async throws {
        if canWrite { return }
        let waiter = Waiter(for: "room in a socket")
        writer = waiter
        defer { writer = nil }
        try await waiter.wait()
    }
}

/// The tasks that are waiting for a user's descriptor to become ready.
final class DescriptorWaits {
    let readers = WaitQueue()
    let writers = WaitQueue()
}

/// A callback that runs each time a descriptor is ready, until the callback is removed.
final class WatchCallback {
    let body: () throws -> Void
    @safe @exclusivity(unchecked) var isRemoved = false

    init(_ body: @escaping () throws -> Void) { self.body = body }
}

/// The watched descriptors, indexed by number.
struct DescriptorTable {
    // Retained manually, so that the lookup for each event changes no reference count.
    private var watches: [Unretained<Watch>?] = []
    private var generation: UInt32 = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    func entry(_ descriptor: Int32) -> Unretained<Watch>? {
        let index = Int(descriptor)
        return index >= 0 && index < watches.count ? watches[index] : nil
    }

    subscript(descriptor: Int32) -> Watch? { entry(descriptor)?.object }

    /// Calls `body` with the watch to which an event belongs. `body` is not called if the descriptor was closed after
    /// the event, because the descriptor's number may have been reused. `body` must not change the table. Returns false
    /// if no descriptor with the event's number is watched.
    @inline(__always)
    func withWatch(token: UInt64, _ body: (Watch) -> Void) -> Bool {
        guard let entry = entry(Int32(truncatingIfNeeded: token)) else { return false }
        entry.with { if $0.token == token { body($0) } }
        return true
    }

    /// Creates a watch without inserting it into the table.
    mutating func makeWatch(_ descriptor: Int32, isEdgeTriggered: Bool) -> Watch {
        generation &+= 1
        let token = UInt64(generation & 0x7fff_ffff) << 32 | UInt64(descriptor)
        return Watch(descriptor: descriptor, token: token, isEdgeTriggered: isEdgeTriggered)
    }

    /// Inserts the watch of a descriptor that the poller has accepted. The length of the table depends on the highest
    /// descriptor number.
    mutating func insert(_ watch: Watch) {
        let index = Int(watch.descriptor)
        if index >= watches.count {
            watches.append(contentsOf: repeatElement(nil, count: index + 1 - watches.count))
        }
        let entry = Unretained(watch)
        entry.retain()
        let earlier = watches[index]
        watches[index] = entry
        if let earlier { earlier.release() } else { count += 1 }
    }

    /// Removes all watches without waking any task, and releases the objects that the callbacks retain.
    mutating func removeAll() {
        let all = watches
        watches = []
        count = 0
        for case let entry? in all {
            entry.object.forget()
            entry.release()
        }
    }

    mutating func remove(_ watch: Watch) {
        guard self[watch.descriptor] === watch else { return }
        let entry = watches[Int(watch.descriptor)]
        watches[Int(watch.descriptor)] = nil
        count -= 1
        entry?.release()
    }
}

#if DEBUG
    extension DescriptorTable {
        /// Stops the program if the table is inconsistent.
        ///
        /// - Complexity: O(*n*), where *n* is the length of the table.
        func checkInvariants() {
            precondition(
                watches.count(where: { $0 != nil }) == count, "the table knows how many descriptors are watched")
            for (index, entry) in watches.enumerated() {
                guard let watch = entry?.object else { continue }
                precondition(watch.descriptor == index, "each watch is at the number of its descriptor")
                precondition(
                    UInt32(truncatingIfNeeded: watch.token) == UInt32(index), "a token ends in the descriptor's number")
                precondition(watch.token >> 63 == 0, "no token is one of the poller's own")
                watch.checkInvariants()
            }
        }
    }

    extension Watch {
        /// Stops the program if the watch is inconsistent.
        fileprivate func checkInvariants() {
            precondition(
                onReadable?.isRemoved != true && onWritable?.isRemoved != true,
                "a callback that was removed is not in the table")
            if isEdgeTriggered {
                precondition(waits == nil, "no task waits for a stream's descriptor as for a user's")
            } else {
                precondition(reader == nil && writer == nil, "no task waits for a user's descriptor as for a stream's")
                precondition(!interest.isEmpty, "a user's descriptor is watched for something")
            }
        }
    }
#endif
