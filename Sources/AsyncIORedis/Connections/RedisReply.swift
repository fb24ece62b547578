internal import AsyncIO

/// How a command ended: the server answered, or the connection did not last.
enum RedisReply {
    /// The server's answer, which can be an error.
    case value(RedisValue)
    /// ``RedisConnectionError``, ``RedisTimeoutError``, or ``RedisProtocolError``.
    case failure(any Error)
}

/// What happens with a reply that has not arrived yet.
//
// A task that is cancelled cancels its future. Its reply stays in the queue and is dropped when it arrives, so a
// connection never gets out of step.
enum PendingReply {
    /// One task waits for it.
    case single(Future<RedisReply>)
    /// It is one of several that a task waits for.
    case part(ReplyGroup)
    /// No task waits for it.
    case dropped
}

/// The replies to commands that were sent together.
final class ReplyGroup {
    // Loop thread only.
    let future = Future<RedisReply>()
    private var values: [RedisValue] = []
    private let count: Int

    init(count: Int) {
        self.count = count
        values.reserveCapacity(count)
    }

    func add(_ value: RedisValue) {
        values.append(value)
        if values.count == count { end(.value(.array(values))) }
    }

    func end(_ reply: RedisReply) {
        if !future.isDone { try? future.setResult(reply) }
    }
}

extension PendingReply {
    func end(_ reply: RedisReply) {
        switch self {
        case .single(let future): if !future.isDone { try? future.setResult(reply) }
        case .part(let group):
            if case .value(let value) = reply { group.add(value) } else { group.end(reply) }
        case .dropped: break
        }
    }
}
