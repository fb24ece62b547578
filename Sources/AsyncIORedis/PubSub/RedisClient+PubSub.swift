internal import AsyncIO

extension RedisClient {
    /// Subscribes to channels.
    ///
    /// ```swift
    /// let news = try await redis.subscribe("news", "weather")
    /// for try await message in news { print(message.channel, message.text) }
    /// ```
    ///
    /// - Parameters:
    ///   - channels: The names of the channels. At least one is required.
    ///   - capacity: The number of messages that the subscription can buffer.
    ///   - overflow: What to do with messages when the buffer is full.
    /// - Returns: The subscription, after the server has confirmed it. The subscription receives messages that are
    ///   published after the confirmation.
    /// - Throws: ``RedisError`` if the server rejects the command; the errors that occur while connecting; `ValueError`
    ///   if `channels` is empty, or if `capacity` is not positive; `CancellationError` if the task is cancelled.
    ///
    /// redis-py: `PubSub.subscribe`.
    public func subscribe(
        _ channels: String..., capacity: Int = 1000, overflow: RedisOverflow = .dropOldest
    ) async throws -> RedisSubscription {
        try await subscribe(channels, kind: .channel, capacity, overflow)
    }

    /// Subscribes to the channels whose names match patterns, such as `news.*`; see
    /// ``subscribe(_:capacity:overflow:)``.
    ///
    /// - Throws: The same errors as ``subscribe(_:capacity:overflow:)``.
    ///
    /// redis-py: `PubSub.psubscribe`.
    public func subscribe(
        matching patterns: String..., capacity: Int = 1000, overflow: RedisOverflow = .dropOldest
    ) async throws -> RedisSubscription {
        try await subscribe(patterns, kind: .pattern, capacity, overflow)
    }

    /// Subscribes to sharded channels. In a cluster, the messages stay on the servers that have the slot of the
    /// channels, so all channels must be in the same slot. See ``subscribe(_:capacity:overflow:)``.
    ///
    /// - Throws: The same errors as ``subscribe(_:capacity:overflow:)``.
    ///
    /// redis-py: `PubSub.ssubscribe`.
    public func subscribe(
        sharded channels: String..., capacity: Int = 1000, overflow: RedisOverflow = .dropOldest
    ) async throws -> RedisSubscription {
        try await subscribe(channels, kind: .shard, capacity, overflow)
    }

    private func subscribe(
        _ names: [String], kind: PubSubTopic.Kind, _ capacity: Int, _ overflow: RedisOverflow
    ) async throws -> RedisSubscription {
        if isClosed { throw RedisConnectionError.closed }
        guard !names.isEmpty else { throw ValueError("a subscription needs at least one channel") }
        guard capacity > 0 else { throw ValueError("capacity must be positive, got \(capacity)") }
        let topics = names.map { PubSubTopic(kind: kind, name: Array($0.utf8)) }
        var hub = self.hub
        if kind == .shard, let cluster = router as? ClusterRouter {
            _ = try KeySlot.common(of: topics.map(\.name))
            hub = shardHub(of: topics[0].name, in: cluster)
        }
        let subscription = RedisSubscription(topics, capacity: capacity, overflow: overflow, hub: hub)
        try await hub.join(subscription)
        return subscription
    }

    /// Returns the hub for a slot of a cluster. The hub connects to the server that currently has the slot.
    private func shardHub(of channel: [UInt8], in cluster: ClusterRouter) -> PubSubHub {
        let slot = KeySlot(of: channel).number
        if let hub = shards[slot] { return hub }
        let hub = PubSubHub(configuration) { try await cluster.connect(for: channel) }
        // The slot has moved, so the hub reconnects to its new server.
        hub.onMoved = { [weak hub, unowned cluster] _ in
            cluster.forgetTopology()
            hub?.reconnect()
        }
        shards[slot] = hub
        return hub
    }

    /// Publishes a message to a channel.
    ///
    /// - Returns: The number of connections that received the message. In a cluster, only connections to the same
    ///   server are counted.
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `publish`.
    @discardableResult
    public func publish(_ channel: some RedisArgument, _ message: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("PUBLISH", channel, message)).integer
    }

    /// Publishes a message to a sharded channel; see ``publish(_:_:)``.
    ///
    /// - Throws: The same errors as ``send(_:)-(RedisCommand)``.
    ///
    /// redis-py: `spublish`.
    @discardableResult
    public func publish(sharded channel: some RedisArgument, _ message: some RedisArgument) async throws -> Int {
        try await send(RedisCommand("SPUBLISH", channel, message)).integer
    }
}
