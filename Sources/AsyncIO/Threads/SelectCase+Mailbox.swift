extension SelectCase {
    /// Takes an item from a mailbox.
    @inlinable
    public static func get<Element>(
        from mailbox: Mailbox<Element>, _ transform: @escaping (Element) throws -> Value
    ) -> Self {
        let place = MailboxPlace(in: mailbox.state)
        return SelectCase(at: place) { stay in
            if place.claim(stay) { return try transform(mailbox.takePromised()) }
            return try mailbox.takeFirst().map(transform)
        }
    }
}

/// A place in the line of tasks that are waiting for an item from a mailbox. This class is used only on the loop's
/// thread.
@usableFromInline
final class MailboxPlace: SelectPlace {
    private let mailbox: MailboxState

    @usableFromInline
    init(in mailbox: MailboxState) { self.mailbox = mailbox }

    override func begin(_ waiter: Waiter) -> AnyObject? {
        let loop = EventLoop.required(for: "select")
        let place = MailboxWaiter(.loop(loop, waiter), isGetter: true)
        // An item may have arrived, or the mailbox may have been shut down, in the meantime.
        if mailbox.join(place) {
            waiter.complete()
        } else {
            loop.component(LoopMailboxes.self).add(place, of: mailbox)
        }
        return place
    }

    /// Takes over the item that was promised during the stay. Returns false if no item was promised.
    @usableFromInline
    func claim(_ stay: SelectStay?) -> Bool {
        EventLoop.spend(0)
        return (stay?.token as? MailboxWaiter).map(mailbox.claim) ?? false
    }

    override func end(_ stay: SelectStay) {
        guard let place = stay.token as? MailboxWaiter else { return }
        EventLoop.required(for: "select").component(LoopMailboxes.self).remove(place)
        if !mailbox.leave(place) { mailbox.passOn(place) }
    }
}
