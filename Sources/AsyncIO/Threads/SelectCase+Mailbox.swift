extension SelectCase {
    /// Takes an item from a mailbox.
    public static func get<Element>(
        from mailbox: Mailbox<Element>, _ transform: @escaping (Element) throws -> Value
    ) -> Self {
        let place = MailboxPlace(in: mailbox.state)
        return SelectCase {
            EventLoop.spend(0)
            if place.claim() { return try transform(mailbox.takePromised()) }
            return try mailbox.takeFirst().map(transform)
        } begin: { waiter in
            place.join(waiter)
            return { place.leave() }
        }
    }
}

/// The place of a ``select(_:)`` in the line of a mailbox. Loop thread only.
private final class MailboxPlace {
    private let mailbox: MailboxState
    private var waiter: MailboxWaiter?

    init(in mailbox: MailboxState) { self.mailbox = mailbox }

    func join(_ waiter: Waiter) {
        let loop = EventLoop.required(for: "select")
        let place = MailboxWaiter(.loop(loop, waiter), isGetter: true)
        self.waiter = place
        // An item, or the end, may have come since.
        if mailbox.join(place) { return waiter.complete() }
        loop.component(LoopMailboxes.self).add(place, of: mailbox)
    }

    /// Takes over the item that was promised to this place. Returns whether there was one.
    func claim() -> Bool { waiter.map(mailbox.claim) ?? false }

    func leave() {
        guard let place = waiter.take() else { return }
        EventLoop.required(for: "select").component(LoopMailboxes.self).remove(place)
        if !mailbox.leave(place) { mailbox.passOn(place) }
    }
}
