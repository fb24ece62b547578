import AsyncIO
import AsyncIOTesting
import Testing

/// The mailbox checks its own invariants after each operation, in debug builds.
@Suite(.virtualTime)
struct MailboxInvariantTests {
    @Test(arguments: [1, 7, 42, 1001] as [UInt64])
    func whatIsPutIsReceivedOnceHoweverSendersAndReceiversAreCancelled(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let mailbox = Mailbox<Int>(maxSize: 6)
        var (sent, received): ([Int], [Int]) = ([], [])
        var senders: [AsyncTask<Void>] = []
        var receivers: [AsyncTask<Void>] = []
        for number in 0..<600 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4:
                senders.append(
                    createTask {
                        try await mailbox.put(number)
                        sent.append(number)
                    })
            case 4..<6: receivers.append(createTask { received.append(try await mailbox.get()) })
            case 6..<8: while random.isOne(in: 2), let item = try? mailbox.getNoWait() { received.append(item) }
            case 8: senders.takeRandom(&random)?.cancel()
            case 9: receivers.takeRandom(&random)?.cancel()
            default: try await sleep(.zero)
            }
        }
        // Everything that waits to be put is received, and nothing else.
        while !mailbox.isEmpty || mailbox.isFull {
            received.append(try await mailbox.get())
            try await sleep(.zero)
        }
        for task in senders + receivers { task.cancel() }
        try await sleep(.seconds(1))
        #expect(received.count > 100)
        #expect(received.sorted() == sent.sorted())
        #expect(mailbox.description == "Mailbox (0 of 6 items, getting: 0, putting: 0)")
    }
}
