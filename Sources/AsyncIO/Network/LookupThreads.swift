internal import AsyncIOSystem
internal import DequeModule

// # Lookups cannot be stopped
//
// `getaddrinfo` blocks for as long as a name server keeps silent, and nothing ends it. On
// the thread pool it would hold up `shutdownDefaultExecutor`, and so the end of `run`, and
// the pool's other work. So lookups have threads of their own, that nobody waits for: who
// is cancelled leaves, and what the thread finds is dropped. A process may end while a
// lookup goes on.
//
// There are few of them, since a name server that keeps silent makes each one slow; what
// does not get a thread waits its turn, and is dropped if nobody wants it any more.
//
// Those whose answer is on this machine must not wait behind them. So every lookup goes first
// to a few threads of which nothing is asked that could take for ever: they answer what
// /etc/hosts knows, and hand on the rest.

/// Threads for name lookups. Any thread.
package final class LookupThreads: Sendable {
    /// For what a name server may be asked.
    package static let shared = LookupThreads(limit: 16)
    /// For what this machine knows itself.
    package static let local = LookupThreads(limit: 2)

    private struct State {
        var waiting = Deque<Lookup>()
        var threads = 0
    }

    private let state = Guarded(State())
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    func add(_ lookup: Lookup) {
        let isNewThreadNeeded = state.withLock { state in
            state.waiting.append(lookup)
            guard state.threads < limit else { return false }
            state.threads += 1
            return true
        }
        guard isNewThreadNeeded else { return }
        do {
            try Thread.start(named: "asyncio_lookup") { self.work() }
        } catch {
            // No thread to give: those that there are take it, or it is done right here.
            work()
        }
    }

    /// Does what waits, and ends.
    private func work() {
        while true {
            let next = state.withLock { state -> Lookup? in
                if let lookup = state.waiting.popFirst() { return lookup }
                state.threads -= 1
                return nil
            }
            guard let next else { return }
            next.run()
        }
    }
}

/// One lookup: what to do, and whether anybody still wants it.
final class Lookup: Sendable {
    private let wanted = Guarded(true)
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func drop() { wanted.withLock { $0 = false } }

    func run() { if wanted.withLock({ $0 }) { body() } }
}

extension EventLoop {
    /// Runs `work`, which may block for ever, on a thread that nobody waits for at the end.
    ///
    /// - Throws: what `work` throws; `CancellationError` at once.
    ///
    /// - Parameter locally: what answers at once, if it can; nil if it cannot.
    package nonisolated(nonsending) func lookUp<T: Sendable>(
        on threads: LookupThreads = .shared, locally: (@Sendable () throws -> T?)? = nil,
        _ work: @escaping @Sendable () throws -> T
    ) async throws -> T {
        let future = Future<T>()
        let reply = LookupReply(loop: self, future: future)
        let lookup = Lookup { reply.send(Result { try work() }) }
        let first = locally.map { locally in
            Lookup {
                do {
                    if let answer = try locally() { reply.send(.success(answer)) } else { threads.add(lookup) }
                } catch {
                    reply.send(.failure(error))
                }
            }
        }
        lookups += 1
        defer {
            lookups -= 1
            first?.drop()
            lookup.drop()
        }
        if let first { LookupThreads.local.add(first) } else { threads.add(lookup) }
        return try await future.value
    }
}

/// Carries a lookup's result to its future.
//
// SAFETY: the thread holds the future but does not touch it; the loop does, when the reply
// has arrived. A loop that is closed takes none.
private struct LookupReply<Value: Sendable>: @unchecked Sendable {
    let loop: EventLoop
    let future: Future<Value>

    func send(_ result: Result<Value, any Error>) {
        loop.send(
            .callback {
                guard !future.isDone else { return }
                switch result {
                case .success(let value): future.succeed(value)
                case .failure(let error):
                    future.fail(error)
                    // A waiter that was cancelled meanwhile has no use for it.
                    future.isErrorRetrieved = true
                }
            })
    }
}
