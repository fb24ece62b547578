package import SystemPackage

// # Readiness from io_uring
//
// Each descriptor has one poll operation in flight. For edges, this is a multishot operation, which reports every
// change and stays active. For states (the user's `addReader`), it is a single-shot operation. After the operation has
// reported, it is submitted again with the next wait. If the descriptor is still ready, the operation completes
// immediately, so the descriptor is reported in each turn in which it is ready.
//
// Additions and changes are submitted with the next wait, in the same system call. Only a removal needs its own call,
// because the operation holds the file, and a descriptor that is removed is about to be closed.
//
// The token of an operation consists of its descriptor and a serial number. Completions of an
// operation that was replaced or removed can therefore be recognized and dropped.
//
// A turn that does not wait needs no system call as long as the kernel has nothing to report. The ring's memory shows
// whether this is the case.

/// A poller that uses io_uring for readiness.
package final class UringPoller: Poller {
    private static let submissions: UInt32 = 256
    private static let completions: UInt32 = 4096
    /// The maximum number of events to take from the ring at once. Further events are taken in the next turn.
    private static let capacity = 256

    private struct Registration {
        let descriptor: Int32
        /// The user's token.
        let token: UInt64
        let interest: Interest
        let serial: UInt32
        var isArmed = false

        /// A number that identifies this registration's operation.
        var key: UInt64 { UInt64(serial) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
    }

    /// The ring, or nil after the poller was closed.
    private var ring: Ring?
    package let wakeUp: WakeUp
    /// The registrations, by descriptor.
    private var registrations: [Registration?] = []
    /// The descriptors whose operations have not been submitted yet.
    private var unarmed: [Int32] = []
    private var lastSerial: UInt32 = 0
    private var events: [PollEvent] = []
    /// Whether no work was left the last time the ring was entered. The kernel does only a limited amount of work each
    /// time the ring is entered.
    private var isDrained = false

    package var descriptor: Int32 { ring?.descriptor ?? -1 }

    package init() throws(Errno) {
        wakeUp = try WakeUp()
        ring = try Self.makeRing()
        events.reserveCapacity(Self.capacity)
        // No descriptor of the loop has this token; see EpollPoller.
        register(wakeUp.descriptor, for: [.readable, .edge], token: .max)
    }

    private static func makeRing() throws(Errno) -> Ring {
        try Ring(entries: submissions, completions: completions, isOwned: true)
    }

    deinit { close() }

    package func close() {
        ring = nil
        wakeUp.close()
    }

    // MARK: Registrations

    package func add(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        try ByteDescriptor.checkWatchable(descriptor)
        register(descriptor, for: interest, token: token)
    }

    private func register(_ descriptor: Int32, for interest: Interest, token: UInt64) {
        let index = Int(descriptor)
        if index >= registrations.count {
            registrations.append(contentsOf: repeatElement(nil, count: index + 1 - registrations.count))
        }
        registrations[index] = Registration(
            descriptor: descriptor, token: token, interest: interest, serial: nextSerial())
        unarmed.append(descriptor)
    }

    package func modify(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        guard let old = registration(of: descriptor) else { throw .noSuchFileOrDirectory }
        register(descriptor, for: interest, token: token)
        if old.isArmed { try onOwnThread { ring throws(Errno) in try ring.cancel(old.key) } }
    }

    package func remove(_ descriptor: Int32) throws(Errno) {
        guard let old = registration(of: descriptor) else { throw .noSuchFileOrDirectory }
        registrations[Int(descriptor)] = nil
        if old.isArmed { try onOwnThread { ring throws(Errno) in try ring.cancelNow(old.key) } }
    }

    private func registration(of descriptor: Int32) -> Registration? {
        let index = Int(descriptor)
        return registrations.indices.contains(index) ? registrations[index] : nil
    }

    private func nextSerial() -> UInt32 {
        // The highest bit is reserved for tokens with a special meaning.
        lastSerial = (lastSerial + 1) & 0x7fff_ffff
        return lastSerial
    }

    // MARK: Waiting

    package func wait(timeout: Int64?) throws(Errno) -> Int {
        events.removeAll(keepingCapacity: true)
        if timeout == 0, isDrained, unarmed.isEmpty, ring?.hasWork != true { return 0 }
        do {
            try onOwnThread { ring throws(Errno) in
                try arm(ring)
                try ring.enter(waitingFor: timeout == 0 ? 0 : 1, timeout: timeout)
            }
        } catch {
            // Take the available completions despite the error.
            guard error == .interrupted || error == .resourceBusy || error == .resourceTemporarilyUnavailable
            else { throw error }
        }
        isDrained = true
        while events.count < Self.capacity, let completion = ring?.next() {
            isDrained = false
            note(completion)
        }
        return events.count
    }

    package func event(at index: Int) -> PollEvent { events[index] }

    /// Submits the operations of descriptors that are new, were changed, or have reported their state.
    private func arm(_ ring: Ring) throws(Errno) {
        while let descriptor = unarmed.last {
            if let registration = registration(of: descriptor), !registration.isArmed {
                try ring.poll(descriptor, for: registration.interest, token: registration.key)
                registrations[Int(descriptor)]?.isArmed = true
            }
            unarmed.removeLast()
        }
    }

    private func note(_ completion: Ring.Completion) {
        let descriptor = Int32(truncatingIfNeeded: completion.token)
        guard let registration = registration(of: descriptor), registration.key == completion.token
        else { return }
        if !completion.hasMore { registrations[Int(descriptor)]?.isArmed = false }
        // The user has closed the descriptor without removing it. In that case, epoll removes the descriptor too.
        guard completion.error == nil else { return }
        if !completion.hasMore { unarmed.append(descriptor) }
        events.append(PollEvent(token: registration.token, mask: UInt32(bitPattern: completion.result)))
    }

    // MARK: Threads

    /// A loop can run on several threads, one after another, but this kind of ring cannot. The new thread gets its own
    /// ring with the same registrations.
    private func onOwnThread(_ body: (Ring) throws(Errno) -> Void) throws(Errno) {
        guard let ring else { throw .badFileDescriptor }
        do {
            try body(ring)
        } catch {
            guard error == .fileExists else { throw error }
            let ring = try Self.makeRing()
            self.ring = ring
            unarmed = []
            for index in registrations.indices where registrations[index] != nil {
                registrations[index]?.isArmed = false
                unarmed.append(Int32(index))
            }
            try arm(ring)
            try body(ring)
        }
    }
}
