internal import AsyncIOSystem

/// A task or thread that waits at a mailbox.
//
// SAFETY: the mailbox's lock guards `phase`, the links, and `item` until the waiter is served. Then only the one
// that waits uses `item`, or the one that could not wake it.
final class MailboxWaiter<Element: Sendable>: @unchecked Sendable {
    enum Phase { case waiting, served, refused, left }

    let waiting: Waiting
    @safe @exclusivity(unchecked) var phase = Phase.waiting
    /// What a getter was served with.
    @safe @exclusivity(unchecked) var item: Element?
    @safe @exclusivity(unchecked) fileprivate var next: MailboxWaiter?
    @safe @exclusivity(unchecked) fileprivate weak var previous: MailboxWaiter?

    init(_ waiting: Waiting) { self.waiting = waiting }

    func takeItem() -> Element {
        guard let item = item.take() else {
            fatalError("a getter was served without an item; this is a bug in swift-asyncio")
        }
        return item
    }
}

/// A FIFO line of waiters, from which any one can be removed.
struct WaiterLine<Element: Sendable> {
    private var first: MailboxWaiter<Element>?
    private var last: MailboxWaiter<Element>?
    private(set) var length = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ waiter: MailboxWaiter<Element>) {
        waiter.previous = last
        if let last { last.next = waiter } else { first = waiter }
        last = waiter
        length += 1
    }

    mutating func popFirst() -> MailboxWaiter<Element>? {
        guard let waiter = first else { return nil }
        remove(waiter)
        return waiter
    }

    mutating func remove(_ waiter: MailboxWaiter<Element>) {
        let (previous, next) = (waiter.previous, waiter.next)
        if let next { next.previous = previous } else { last = previous }
        if let previous { previous.next = next } else { first = next }
        (waiter.previous, waiter.next) = (nil, nil)
        length -= 1
    }
}
