internal import AsyncIO
internal import DequeModule

// # A connection and its pipeline
//
// A link appends commands to a buffer, and sends the buffer in the next turn. The commands that tasks send in one turn
// therefore go out in one write. The server answers in order, so the link needs only a queue of pending replies.
// Replies complete futures directly, within the call that received the bytes, so no task has to read.

/// A connection to a server. Loop thread only.
final class RedisLink: BufferedProtocol {
    enum State { case connecting, open, closed }

    let loop: EventLoop
    private let commandTimeout: Duration?
    @safe @exclusivity(unchecked) private(set) var state = State.connecting
    /// The error that closed the link.
    private(set) var failure: (any Error)?
    private var transport: Transport?
    @safe @exclusivity(unchecked) private var parser: RedisParser

    // The state that each command and each reply uses.
    /// Bytes to be sent.
    @safe @exclusivity(unchecked) private var outgoing: [UInt8] = []
    @safe @exclusivity(unchecked) private var isFlushQueued = false
    /// Whether the transport has asked to pause writing.
    @safe @exclusivity(unchecked) private var isPaused = false
    /// What to do with each missing reply. A group has one entry for all of its replies.
    @safe @exclusivity(unchecked) private var replies = Deque<PendingReply>()
    /// The number of replies that have been requested.
    @safe @exclusivity(unchecked) private var asked = 0
    /// The number of replies that have arrived.
    @safe @exclusivity(unchecked) private var answered = 0
    /// The number of requested replies whose commands are still in `outgoing`.
    @safe @exclusivity(unchecked) private var unsent = 0
    /// For each write with a time limit, the number of the last reply to its commands, and the deadline.
    @safe @exclusivity(unchecked) private var deadlines = Deque<(last: Int, deadline: ContinuousClock.Instant)>()
    private var timer: TimerHandle?
    /// The number of unanswered commands without a time limit.
    private var unlimited = 0

    /// Called with messages that are not replies.
    var onPush: (([RedisValue]) -> Void)?
    /// Called with an error on a link for subscriptions. `SUBSCRIBE` has no reply, but it can fail. No other command on
    /// a link for subscriptions can fail.
    var onStrayError: ((RedisError) -> Void)?
    /// Whether arrays can also be messages, as in RESP2 after `SUBSCRIBE`.
    var isSubscriber = false
    /// Called once when the link is closed.
    var onClosed: (() -> Void)?

    init(on loop: EventLoop, commandTimeout: Duration?, limits: RedisLimits) {
        self.loop = loop
        self.commandTimeout = commandTimeout
        parser = RedisParser(limits: limits)
    }

    var isOpen: Bool { state == .open }
    /// The number of missing replies.
    var pendingCount: Int { asked - answered }

    // MARK: Sending

    /// Queues a command.
    func send(_ command: RedisCommand, _ reply: PendingReply) {
        guard state != .closed else { return reply.end(.failure(lost(mayHaveBeenExecuted: false))) }
        command.write(to: &outgoing)
        expect(reply)
    }

    /// Queues commands that the server executes without other commands in between.
    func send(_ commands: [RedisCommand], _ group: ReplyGroup) {
        guard state != .closed else { return group.end(.failure(lost(mayHaveBeenExecuted: false))) }
        // With a span, the commands are not retained one by one.
        let all = commands.span
        for index in all.indices { all[index].write(to: &outgoing) }
        expect(.group(group), count: commands.count)
    }

    /// Sends a command and waits for the reply.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. In that case, the reply is dropped.
    func send(_ command: RedisCommand) async throws -> RedisReply {
        let future = Future<RedisReply>()
        switch command.timeLimit {
        case .standard: send(command, .single(future))
        case .none: sendUnlimited(command, future)
        case .after(let limit): return try await send(command, future, within: limit)
        }
        return try await future.value
    }

    /// Sends commands and waits for all replies, which are the elements of an array.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. In that case, the replies are dropped.
    func send(_ commands: [RedisCommand]) async throws -> RedisReply {
        if commands.isEmpty { return .value(.array([])) }
        let group = ReplyGroup(count: commands.count)
        send(commands, group)
        return try await group.future.value
    }

    /// Sends a command that has no reply. The server may answer the command with messages.
    func sendWithoutReply(_ command: RedisCommand) {
        guard state != .closed else { return }
        command.write(to: &outgoing)
        if !isFlushQueued { queueFlush() }
    }

    /// Sends a command that can block on the server. Deadlines do not apply until this command has been answered.
    private func sendUnlimited(_ command: RedisCommand, _ future: Future<RedisReply>) {
        guard state != .closed else { return send(command, .single(future)) }
        unlimited += 1
        future.addDoneCallback { [weak self] _ in self?.unlimited -= 1 }
        send(command, .single(future))
    }

    /// Sends a command with a separate time limit.
    private func send(
        _ command: RedisCommand, _ future: Future<RedisReply>, within limit: Duration
    ) async throws -> RedisReply {
        let timer = try loop.callLater(limit) { [weak self] in
            guard !future.isDone else { return }
            try future.setResult(
                .failure(RedisTimeoutError("the command \(command.name)", limit, mayHaveBeenExecuted: true)))
            self?.close(RedisTimeoutError("the command \(command.name)", limit, mayHaveBeenExecuted: true))
        }
        defer { timer.cancel() }
        sendUnlimited(command, future)
        return try await future.value
    }

    @inline(__always)
    private func expect(_ reply: PendingReply, count: Int = 1) {
        replies.append(reply)
        asked += count
        unsent += count
        if !isFlushQueued { queueFlush() }
    }

    private func queueFlush() {
        guard state == .open, !isPaused else { return }
        isFlushQueued = true
        _ = try? loop.callSoon { [weak self] in self?.flush() }
    }

    private func flush() {
        isFlushQueued = false
        guard state == .open, !isPaused, let transport else { return }
        if unsent > 0, let commandTimeout {
            deadlines.append((asked, loop.now.advanced(by: commandTimeout)))
            if timer == nil { watchDeadlines() }
        }
        unsent = 0
        // A transport that has failed reports the error itself.
        try? transport.write(outgoing)
        outgoing.removeAll(keepingCapacity: outgoing.capacity <= 1 << 20)
    }

    // MARK: Time limits

    private func watchDeadlines() {
        timer = nil
        while let first = deadlines.first, first.last <= answered { deadlines.removeFirst() }
        guard let first = deadlines.first, let commandTimeout, state == .open else { return }
        if first.deadline <= loop.now, unlimited == 0 {
            return close(RedisTimeoutError("the reply to a command", commandTimeout, mayHaveBeenExecuted: true))
        }
        // While a command blocks, the commands behind it have to wait.
        let next = unlimited == 0 ? first.deadline : loop.now.advanced(by: commandTimeout)
        timer = try? loop.callAt(next) { [weak self] in self?.watchDeadlines() }
    }

    // MARK: Receiving

    func withBuffer(sizeHint: Int, _ fill: (inout OutputSpan<UInt8>) throws -> Void) throws {
        try parser.receive(fill)
    }

    func bufferUpdated(_ count: Int) {
        do throws(RedisProtocolError) {
            while state != .closed, let value = try parser.next() { take(value) }
        } catch {
            close(error)
        }
        // The timer is not cancelled, because letting it fire is cheaper than creating a timer for each reply.
        while let first = deadlines.first, first.last <= answered { deadlines.removeFirst() }
    }

    @inline(__always)
    private func take(_ value: consuming RedisValue) {
        switch value {
        case .push, .array, .error: if isMessage(value) { return }
        default: break
        }
        guard asked - answered > unsent, let reply = replies.first else { return takeStray(value) }
        answered += 1
        switch reply {
        case .single(let future):
            replies.removeFirst()
            if !future.isDone { try? future.setResult(.value(value)) }
        case .group(let group):
            if group.add(value) { replies.removeFirst() }
        case .dropped: replies.removeFirst()
        }
    }

    /// Handles a value if it is a message, not a reply. Returns whether it is a message.
    private func isMessage(_ value: RedisValue) -> Bool {
        switch value {
        case .push(let values): onPush?(values)
        case .array(let values) where isSubscriber && PubSubMessage.isMessage(values): onPush?(values)
        case .error(let error) where isSubscriber: onStrayError?(error)
        default: return false
        }
        return true
    }

    /// Closes the link because of a reply that belongs to no command.
    private func takeStray(_ value: RedisValue) {
        // A server can give a reason before it closes a connection.
        if case .error(let error) = value { return close(error) }
        close(RedisProtocolError("the server sent a reply that belongs to no command: \(value)"))
    }

    // MARK: Opening and closing

    func connectionMade(_ transport: Transport) { self.transport = transport }

    /// Allows commands to be sent.
    func open() {
        guard state == .connecting else { return }
        state = .open
        if !outgoing.isEmpty { queueFlush() }
    }

    func pauseWriting() { isPaused = true }

    func resumeWriting() {
        isPaused = false
        if !outgoing.isEmpty { queueFlush() }
    }

    func connectionLost(_ error: (any Error)?) { close(error ?? RedisConnectionError.endOfStream) }

    /// Closes the link at once. Commands that have not been answered fail.
    func close(_ error: (any Error)? = nil) {
        guard state != .closed else { return }
        state = .closed
        failure = error
        transport?.abort()
        transport = nil
        timer?.cancel()
        timer = nil
        let replies = self.replies
        var sent = asked - answered - unsent
        self.replies = []
        outgoing = []
        unsent = 0
        for reply in replies {
            reply.end(.failure(lost(mayHaveBeenExecuted: sent > 0)))
            sent -= reply.missingCount
        }
        onPush = nil
        onStrayError = nil
        onClosed.take()?()
    }

    /// Returns the error for a command that will not be answered.
    private func lost(mayHaveBeenExecuted: Bool) -> any Error {
        switch failure {
        case nil: RedisConnectionError("the connection was closed", mayHaveBeenExecuted: mayHaveBeenExecuted)
        case let error as RedisTimeoutError where mayHaveBeenExecuted: error
        case let error as RedisProtocolError where mayHaveBeenExecuted: error
        case let error?:
            RedisConnectionError(
                "the connection was lost", mayHaveBeenExecuted: mayHaveBeenExecuted, underlyingError: error)
        }
    }
}

extension RedisConnectionError {
    /// The error for a connection that the server closed without giving a reason.
    static let endOfStream = RuntimeError("the server closed the connection")
}
