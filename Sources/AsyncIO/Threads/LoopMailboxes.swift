/// A component that does a loop's work for the mailboxes that its tasks use.
final class LoopMailboxes: LoopComponent {
    private var toServe: [MailboxState] = []
    private var waiting: [(waiter: MailboxWaiter, mailbox: MailboxState)] = []

    // MARK: Serving

    /// Serves the tasks and threads that are waiting to put an item. This happens at the end of the current step, or at
    /// the end of the run if the run ends with this step.
    func serveLater(_ mailbox: MailboxState) {
        if toServe.isEmpty { loop.enqueue { [self] in serve() } }
        toServe.append(mailbox)
    }

    private func serve() {
        let mailboxes = toServe
        toServe = []
        for mailbox in mailboxes { mailbox.serveNow() }
    }

    override func runDidEnd() { serve() }

    // MARK: Waiting tasks

    override var mayBeContinued: Bool { !waiting.isEmpty }

    // If the loop of a task is closed, the task never takes an item that was promised to it, and never uses a place
    // that was reserved for it. So the loop records which of its tasks wait. Each waiter stores its index in the list.

    func add(_ waiter: MailboxWaiter, of mailbox: MailboxState) {
        waiter.index = waiting.count
        waiting.append((waiter, mailbox))
    }

    func remove(_ waiter: MailboxWaiter) {
        // A loop that was closed has forgotten its waiters.
        guard let index = waiter.index.take(), let last = waiting.popLast(), last.waiter !== waiter else { return }
        last.waiter.index = index
        waiting[index] = last
    }

    override func loopWillClose() {
        let left = waiting
        waiting = []
        // First all of them leave, so that none passes anything on to another one.
        for (waiter, mailbox) in left {
            waiter.index = nil
            mailbox.leave(waiter)
        }
        for (waiter, mailbox) in left { mailbox.passOn(waiter) }
    }
}
