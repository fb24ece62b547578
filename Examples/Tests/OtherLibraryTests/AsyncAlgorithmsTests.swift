import AsyncAlgorithms
import AsyncIO
import AsyncIOTesting
import Testing

/// The sequences of the library as sources and sinks of async-algorithms.
@Suite(.virtualTime) struct AsyncAlgorithmsTests {
    @Test func broadcastsAreMergedWithTicks() async throws {
        let news = Broadcast<String>(capacity: 10)
        createTask {
            for number in 0..<3 {
                try await AsyncIO.sleep(.seconds(2.5))
                try await news.send("news \(number)")
            }
        }
        var log: [String] = []
        func handle(_ event: String) { log.append(event) }
        let merging = createTask {
            let beats = ticks(every: .seconds(2)).map { _ in "tick" }
            for try await event in merge(news.subscribe().asSendable(), beats.asSendable()) { handle(event) }
        }
        try await AsyncIO.sleep(.seconds(7.6))
        merging.cancel()
        _ = try? await merging.value
        #expect(log == ["tick", "news 0", "tick", "news 1", "tick", "news 2"])
    }

    @Test func whatAMailboxReceivesIsDebounced() async throws {
        let mailbox = Mailbox<Int>()
        createTask {
            for number in 0..<10 {
                try await mailbox.put(number)
                try await AsyncIO.sleep(number == 4 ? .seconds(10) : .milliseconds(100))
            }
            mailbox.shutdown()
        }
        var last: [Int] = []
        for try await number in mailbox.debounce(for: .seconds(1)) { last.append(number) }
        #expect(last.first == 4 && last.last == 9 && last.count == 2)
    }

    @Test func theElementsOfAnObjectStreamAreDebounced() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 4)
        createTask {
            for number in 0..<10 {
                try await sender.send(number)
                try await AsyncIO.sleep(number == 4 ? .seconds(10) : .milliseconds(100))
            }
            sender.close()
        }
        var last: [Int] = []
        for try await number in receiver.asSendable().debounce(for: .seconds(1)) { last.append(number) }
        #expect(last == [4, 9])
    }

    @Test func elementsAreBatchedBySizeOrTime() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 100)
        createTask {
            for number in 0..<25 {
                try await sender.send(number)
                if number == 12 { try await AsyncIO.sleep(.seconds(30)) }
            }
            sender.close()
        }
        var sizes: [Int] = []
        let batches = receiver.asSendable().chunks(ofCount: 10, or: .repeating(every: .seconds(1)))
        for try await batch in batches { sizes.append(batch.count) }
        #expect(sizes == [10, 3, 10, 2])
    }

    @Test func framesAreChunkedWithoutAnythingElse() async throws {
        let reader = StreamReader()
        try reader.feed(Array("a\na\nb\nb\nb\nc\n".utf8))
        reader.feedEOF()
        var runs: [[String]] = []
        for try await run in reader.frames(.lines).chunked(by: ==) { runs.append(run) }
        #expect(runs == [["a", "a"], ["b", "b", "b"], ["c"]])
    }

    @Test func anAsyncChannelIsFilledFromABroadcast() async throws {
        let (news, channel) = (Broadcast<Int>(capacity: 2, lag: .wait), AsyncChannel<Int>())
        let subscription = news.subscribe()
        let passing = createTask {
            for try await number in subscription { await channel.send(number) }
            channel.finish()
        }
        let sending = createTask {
            for number in 0..<20 { try await news.send(number) }
            news.close()
        }
        var received: [Int] = []
        for await number in channel { received.append(number) }
        #expect(received == Array(0..<20))
        try await gather(passing, sending)
    }

    @Test func zipAndCombineLatestTakeThemToo() async throws {
        let (level, (sender, receiver)) = (LatestValue(1), memoryObjectStream(of: String.self))
        createTask {
            for text in ["a", "b"] { try await sender.send(text) }
            sender.close()
            level.close()
        }
        var pairs: [String] = []
        for try await (number, text) in combineLatest(level.changes.asSendable(), receiver.asSendable()) {
            pairs.append("\(number)\(text)")
        }
        #expect(pairs == ["1a", "1b"])
    }

    @Test func anErrorPassesThroughAnOperator() async throws {
        let news = Broadcast<Int>(capacity: 1, lag: .fail)
        let subscription = news.subscribe()
        for number in 0..<3 { try await news.send(number) }
        await #expect(throws: BroadcastLagError.self) {
            for try await _ in merge(subscription.asSendable(), AsyncChannel<Int>()) {}
        }
    }

    @Test func aCancelledConsumerLeavesTheSourceUsable() async throws {
        let queue = Queue<Int>()
        let task = createTask { for try await _ in queue.asSendable().debounce(for: .seconds(1)) {} }
        try await AsyncIO.sleep(.seconds(1))
        task.cancel()
        _ = try? await task.value
        try queue.putNoWait(1)
        #expect(try await queue.get() == 1)
    }

    @Test(.eventLoop) func anotherLoopGetsAnErrorInsteadOfTheSequence() async throws {
        let sequence = Queue<Int>().asSendable()
        let other = try EventLoopThread(name: "other")
        let message = try await other.run { _ in
            do { for try await _ in sequence {} } catch { return "\(error)" }
            return ""
        }
        #expect(message.contains("belongs to the event loop"))
        try await other.shutDown(within: .seconds(10))
    }
}
