/// A task or thread that is waiting at a mailbox.
//
// SAFETY: the mailbox's lock guards everything but `waiting` and `index`. A waiter that was taken out of its line has
// no links, except in a chain, which belongs to the thread that took it.
final class MailboxWaiter: @unchecked Sendable {
    enum Phase { case waiting, served, refused, left }

    let waiting: Waiting
    /// Whether the waiter is waiting for an item rather than for a place.
    let isGetter: Bool
    /// The waiter's index in its loop's list, or nil if the waiter is not in the list; see LoopMailboxes. The index is
    /// used only on the loop's thread.
    @safe @exclusivity(unchecked) var index: Int?
    @safe @exclusivity(unchecked) var phase = Phase.waiting
    @safe @exclusivity(unchecked) var next: MailboxWaiter?
    /// The previous waiter. The line retains that waiter.
    @safe @exclusivity(unchecked) fileprivate var previous: Unretained<MailboxWaiter>?

    init(_ waiting: Waiting, isGetter: Bool) { (self.waiting, self.isGetter) = (waiting, isGetter) }

    /// Appends another chain to the chain that begins with this waiter.
    func followed(by other: MailboxWaiter?) -> MailboxWaiter {
        guard let other else { return self }
        var last = self
        while let next = last.next { last = next }
        last.next = other
        return self
    }
}

/// A FIFO line of waiters, from which each waiter can be removed at any time.
struct WaiterLine {
    private var first: MailboxWaiter?
    private var last: Unretained<MailboxWaiter>?
    private(set) var length = 0

    @inline(__always)
    var isEmpty: Bool { length == 0 }

    mutating func append(_ waiter: MailboxWaiter) {
        waiter.previous = last
        if let last { last.with { $0.next = waiter } } else { first = waiter }
        last = Unretained(waiter)
        length += 1
    }

    mutating func remove(_ waiter: MailboxWaiter) {
        let (previous, next) = (waiter.previous, waiter.next)
        (waiter.previous, waiter.next) = (nil, nil)
        length -= 1
        if let next { next.previous = previous } else { last = previous }
        if let previous { previous.with { $0.next = next } } else { first = next }
    }

    /// Takes the first waiters out of the line, and returns them as a chain linked by `next`. The line must not be
    /// empty.
    ///
    /// - Returns: The first waiter of the chain, and the number of waiters.
    mutating func take(atMost most: Int, _ phase: MailboxWaiter.Phase) -> (chain: MailboxWaiter?, count: Int) {
        let (chain, count) = (first, min(most, length))
        for index in 1...count {
            guard let waiter = first else { break }
            waiter.phase = phase
            waiter.previous = nil
            first = waiter.next
            if index == count { waiter.next = nil }
        }
        if let first { first.previous = nil } else { last = nil }
        length -= count
        return (chain, count)
    }
}
