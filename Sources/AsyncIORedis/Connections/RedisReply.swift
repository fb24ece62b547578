internal import AsyncIO

/// The outcome of a command: the server answered, or the connection was lost.
enum RedisReply {
    /// The server's answer, which can be an error.
    case value(RedisValue)
    /// ``RedisConnectionError``, ``RedisTimeoutError``, or ``RedisProtocolError``.
    case failure(any Error)
}

/// What to do with a reply that has not arrived yet.
//
// If a task is cancelled, its future is cancelled. The queue still contains the entry for the reply, and the reply is
// dropped when it arrives, so a connection never gets out of sync.
enum PendingReply {
    /// One task is waiting for the reply.
    case single(Future<RedisReply>)
    /// A task is waiting for this reply and other replies.
    case group(ReplyGroup)
    /// No task is waiting for the reply.
    case dropped

    /// The number of missing replies.
    var missingCount: Int {
        if case .group(let group) = self { group.missingCount } else { 1 }
    }

    /// Completes the entry for a reply that will not arrive.
    func end(_ reply: RedisReply) {
        switch self {
        case .single(let future): if !future.isDone { try? future.setResult(reply) }
        case .group(let group): group.end(reply)
        case .dropped: break
        }
    }
}

/// The replies to commands that were sent together.
final class ReplyGroup {
    // Loop thread only.
    let future = Future<RedisReply>()
    @safe @exclusivity(unchecked) private var values: [RedisValue] = []
    private let count: Int

    init(count: Int) {
        self.count = count
        values.reserveCapacity(count)
    }

    var missingCount: Int { count - values.count }

    /// Adds a reply, and returns whether it was the last reply.
    func add(_ value: consuming RedisValue) -> Bool {
        values.append(value)
        guard values.count == count else { return false }
        end(.value(.array(values)))
        return true
    }

    func end(_ reply: RedisReply) {
        if !future.isDone { try? future.setResult(reply) }
    }
}
