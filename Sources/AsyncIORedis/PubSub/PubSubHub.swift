internal import AsyncIO
internal import DequeModule

// # Subscriptions of a client
//
// All subscriptions of a client share one connection. The hub counts the subscriptions to each topic. It subscribes to
// a topic for the first subscription, and unsubscribes after the last one. If the connection is lost while there are
// subscriptions, the hub reconnects and subscribes again.
//
// The server confirms each topic with a message. An error reply does not say which command it belongs to, so the hub
// stores unconfirmed commands in order.

/// The subscriptions that share a connection. Loop thread only.
final class PubSubHub {
    /// A command that the server has not confirmed.
    private struct Unconfirmed {
        let topics: [PubSubTopic]
        var left: Set<PubSubTopic>
        let isEnd: Bool
    }

    private final class WeakSubscription {
        weak var value: RedisSubscription?
        init(_ value: RedisSubscription) { self.value = value }
    }

    private let configuration: RedisConfiguration
    private let connect: RedisNode.Connector
    private var subscribers: [PubSubTopic: [ObjectIdentifier: WeakSubscription]] = [:]
    private var link: RedisLink?
    private var unconfirmed = Deque<Unconfirmed>()
    private var confirmed: Set<PubSubTopic> = []
    private var waiters: [(topics: Set<PubSubTopic>, future: Future<RedisReply>)] = []
    private var runner: AsyncTask<Void>?
    private var isClosed = false
    /// Whether the connection was closed because there were no subscriptions left.
    private var isLetGo = false
    /// Called when the server has ended the subscription to a sharded channel because the channel's slot has moved.
    var onMoved: ((PubSubTopic) -> Void)?

    init(_ configuration: RedisConfiguration, connect: @escaping RedisNode.Connector) {
        self.configuration = configuration
        self.connect = connect
    }

    deinit {
        runner?.cancel()
        link?.close()
    }

    var isIdle: Bool { subscribers.isEmpty }

    // MARK: Subscribing

    /// Adds a subscription, and waits until the server has confirmed it.
    func join(_ subscription: RedisSubscription) async throws {
        if isClosed { throw RedisConnectionError.closed }
        var new: [PubSubTopic] = []
        for topic in subscription.topics {
            if subscribers[topic] == nil { new.append(topic) }
            subscribers[topic, default: [:]][ObjectIdentifier(subscription)] = WeakSubscription(subscription)
        }
        if let link, link.isOpen { subscribe(new, on: link) }
        let waiter = Future<RedisReply>()
        waiters.append((Set(subscription.topics).subtracting(confirmed), waiter))
        defer { waiters.removeAll { $0.future === waiter } }
        if runner == nil {
            // A capture list would make the closure concurrent, so the closure would leave the loop.
            weak let hub = self
            runner = createTask(name: "subscriptions to Redis") {
                while let pause = try await hub?.runOnce() { try await sleep(pause) }
                hub?.runner = nil
            }
        }
        noteConfirmations()
        do {
            if case .failure(let error) = try await waiter.value { throw error }
        } catch {
            subscription.close()
            throw error
        }
    }

    /// Removes a subscription.
    func leave(_ topics: [PubSubTopic], _ subscription: ObjectIdentifier) {
        var over: [PubSubTopic] = []
        for topic in topics {
            let wasThere = subscribers[topic]?.removeValue(forKey: subscription) != nil
            guard wasThere, subscribers[topic]?.isEmpty ?? false else { continue }
            subscribers[topic] = nil
            confirmed.remove(topic)
            over.append(topic)
        }
        if subscribers.isEmpty {
            // If there are no subscriptions, the connection is closed.
            isLetGo = link != nil
            link?.close()
        } else if let link, link.isOpen, !over.isEmpty {
            send(over, isEnd: true, on: link)
        }
    }

    private func subscribe(_ topics: [PubSubTopic], on link: RedisLink) {
        if !topics.isEmpty { send(topics, isEnd: false, on: link) }
    }

    private func send(_ topics: [PubSubTopic], isEnd: Bool, on link: RedisLink) {
        for kind in PubSubTopic.Kind.allCases {
            let some = topics.filter { $0.kind == kind }
            // In a cluster, a command can name only channels of one slot.
            for group in kind == .shard ? some.map({ [$0] }) : some.isEmpty ? [] : [some] {
                var command = RedisCommand(isEnd ? kind.unsubscribe : kind.subscribe)
                for topic in group { command.append(bytes: topic.name[...]) }
                unconfirmed.append(Unconfirmed(topics: group, left: Set(group), isEnd: isEnd))
                link.sendWithoutReply(command)
            }
        }
        // Unlike the confirmations, the reply to PING has a time limit.
        link.send(RedisCommand("PING"), .dropped)
    }

    // MARK: The connection

    /// Connects, and waits until the connection is lost. Returns the time to wait before connecting again, or nil if
    /// there are no subscriptions.
    private func runOnce() async throws -> Duration? {
        var generator = SystemRandomNumberGenerator()
        guard !isClosed, !subscribers.isEmpty else { return nil }
        let link: RedisLink
        do {
            link = try await connect()
        } catch is CancellationError {
            return nil
        } catch {
            failures += 1
            if !RedisNode.passes(error) || (failures >= configuration.connectAttempts && !waiters.isEmpty) {
                wakeAll(.failure(error))
            }
            return configuration.backoff.delay(afterFailure: failures, using: &generator)
        }
        guard !isClosed, !subscribers.isEmpty else {
            link.close()
            return nil
        }
        failures = 0
        self.link = link
        link.isSubscriber = true
        let end = Future<Void>()
        link.onPush = { [weak self] in self?.receive($0) }
        link.onStrayError = { [weak self] in self?.refuse($0) }
        link.onClosed = { if !end.isDone { try? end.setResult(()) } }
        unconfirmed.removeAll()
        confirmed = []
        subscribe(Array(subscribers.keys), on: link)
        defer {
            link.close()
            self.link = nil
        }
        try await stay(on: link, until: end)
        unconfirmed.removeAll()
        confirmed = []
        if isLetGo {
            // Subscriptions that were added after the hub closed the connection have missed nothing.
            isLetGo = false
            return subscribers.isEmpty ? nil : .zero
        }
        for subscription in all { subscription.noteInterruption() }
        return subscribers.isEmpty ? nil : configuration.backoff.delay(afterFailure: 1, using: &generator)
    }

    /// The number of consecutive failed attempts to connect.
    private var failures = 0

    /// Waits until a link is closed. If the server disappears without closing the connection, this method notices that
    /// the server no longer answers.
    private func stay(on link: RedisLink, until end: Future<Void>) async throws {
        let timer = try repeatedly(configuration.healthCheckInterval) { link.send(RedisCommand("PING"), .dropped) }
        defer { timer.cancel() }
        try await end.value
    }

    /// Calls `body` at the given interval until the returned object is cancelled.
    private func repeatedly(_ interval: Duration, _ body: @escaping () -> Void) throws -> Repetition {
        let repetition = Repetition(interval, body)
        try repetition.schedule()
        return repetition
    }

    private var all: [RedisSubscription] {
        var found: [ObjectIdentifier: RedisSubscription] = [:]
        for group in subscribers.values {
            for (id, one) in group { found[id] = one.value }
        }
        return Array(found.values)
    }

    // MARK: Messages

    private func receive(_ values: [RedisValue]) {
        switch PubSubMessage(values) {
        case .message(let topic, let message):
            for subscriber in subscribers[topic]?.values ?? [:].values { subscriber.value?.receive(message) }
        case .subscribed(let topic):
            confirm(topic, isEnd: false)
            if subscribers[topic] != nil { confirmed.insert(topic) }
            noteConfirmations()
        case .unsubscribed(let topic):
            if !confirm(topic, isEnd: true), topic.kind == .shard, subscribers[topic] != nil {
                confirmed.remove(topic)
                onMoved?(topic)
            }
        case nil: break
        }
    }

    /// Records that the server has executed a command for a topic. Returns whether the hub had sent this command.
    @discardableResult
    private func confirm(_ topic: PubSubTopic, isEnd: Bool) -> Bool {
        guard let first = unconfirmed.first, first.isEnd == isEnd, first.left.contains(topic) else { return false }
        unconfirmed[0].left.remove(topic)
        if unconfirmed[0].left.isEmpty { unconfirmed.removeFirst() }
        return true
    }

    private func noteConfirmations() {
        guard !waiters.isEmpty else { return }
        for index in waiters.indices {
            waiters[index].topics.subtract(confirmed)
            if waiters[index].topics.isEmpty, !waiters[index].future.isDone {
                try? waiters[index].future.setResult(.value(.null))
            }
        }
    }

    /// Called when the server refuses the oldest command.
    private func refuse(_ error: RedisError) {
        guard let command = unconfirmed.popFirst(), !command.isEnd else { return }
        if error.code == .moved, let onMoved {
            for topic in command.topics { onMoved(topic) }
            return
        }
        for waiter in waiters where !waiter.topics.isDisjoint(with: command.topics) && !waiter.future.isDone {
            try? waiter.future.setResult(.failure(error))
        }
        for topic in command.topics {
            for subscriber in subscribers[topic]?.values.compactMap(\.value) ?? [] {
                leave(subscriber.topics, ObjectIdentifier(subscriber))
                subscriber.end(error)
            }
        }
    }

    private func wakeAll(_ reply: RedisReply) {
        for waiter in waiters where !waiter.future.isDone { try? waiter.future.setResult(reply) }
    }

    // MARK: Closing

    /// Closes the connection. If there are subscriptions, the hub opens a new connection.
    func reconnect() { link?.close() }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        let all = self.all
        subscribers = [:]
        wakeAll(.failure(RedisConnectionError.closed))
        link?.close()
        runner?.cancel()
        for subscription in all { subscription.end(nil) }
    }
}

/// A callback that is called at a fixed interval. Loop thread only.
final class Repetition {
    private let interval: Duration
    private let body: () -> Void
    private var timer: TimerHandle?

    init(_ interval: Duration, _ body: @escaping () -> Void) {
        self.interval = interval
        self.body = body
    }

    func schedule() throws {
        timer = try EventLoop.running.callLater(interval) { [weak self] in
            guard let self else { return }
            body()
            try schedule()
        }
    }

    func cancel() { timer?.cancel() }

    deinit { timer?.cancel() }
}
