internal import CShims
package import SystemPackage

// # Readiness from io_uring
//
// Each descriptor has one poll operation in flight. For edges it is a multishot one, which
// reports every change and stays. For states (the user's `addReader`) it is a single one,
// submitted again with the next wait after it reported: if the descriptor is still ready,
// that completes at once, which is what "in each turn in which it is ready" means.
//
// Additions and changes are handed over with the next wait, in the same system call. Only a
// removal is a call of its own: the operation holds the file, and who removes a descriptor
// is about to close it, and means it.
//
// An operation's token is its descriptor and a serial number, so that completions of an
// operation that was replaced or removed are known as such and dropped.
//
// A turn that does not wait costs no system call as long as the kernel has nothing to
// report: it says so in the ring's memory.

/// io_uring, asked for readiness.
package final class UringPoller: Poller {
    private static let submissions: UInt32 = 256
    private static let completions: UInt32 = 4096
    /// Events taken from the ring at once; more come with the next turn.
    private static let capacity = 256

    private struct Registration {
        let descriptor: Int32
        /// The user's.
        let token: UInt64
        let interest: Interest
        let serial: UInt32
        var isArmed = false

        /// Tells this registration's operation from all others.
        var key: UInt64 { UInt64(serial) << 32 | UInt64(UInt32(bitPattern: descriptor)) }
    }

    /// nil once it is closed.
    private var ring: Ring?
    package let wakeUp: WakeUp
    /// By descriptor.
    private var registrations: [Registration?] = []
    /// Descriptors whose operation is still to be submitted.
    private var unarmed: [Int32] = []
    private var lastSerial: UInt32 = 0
    private var events: [PollEvent] = []
    /// The kernel does a bounded part of its work when the ring is entered: this says that
    /// there was nothing left the last time.
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
        _ = try check(asyncio_check_pollable(descriptor))
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
        // The largest serial numbers are left to tokens with a meaning of their own.
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
            // What is there is taken all the same.
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

    /// Submits the operations of what is new, changed, or has reported its state.
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
        // The user has closed the descriptor and not removed it: epoll forgets it too.
        guard completion.error == nil else { return }
        if !completion.hasMore { unarmed.append(descriptor) }
        events.append(PollEvent(token: registration.token, ready: Ring.readiness(completion.result)))
    }

    // MARK: Threads

    /// A loop may run on one thread after another, a ring of this kind may not: the new
    /// thread gets a ring of its own, with the same registrations.
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
