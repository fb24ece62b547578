internal import AsyncIOSystem
internal import DequeModule

// # Lookups cannot be stopped
//
// `getaddrinfo` blocks until a name server answers, and nothing can interrupt it. On the thread pool, it would delay
// the pool's other work, `shutdownDefaultExecutor`, and therefore the end of `run`. For this reason, lookups run on
// separate threads, and no code waits for these threads to end. A cancelled task stops waiting, and the thread's result
// is dropped. A process can end while a lookup is running.
//
// The number of threads is small, because an unresponsive name server makes all of them slow. A lookup that does not
// get a thread is queued, and is dropped if it is no longer needed.
//
// Lookups that this machine can answer must not wait behind slow lookups. Therefore, every lookup first goes to one of
// a few threads that make no calls that can block forever. These threads answer lookups with /etc/hosts and pass all
// other lookups on.

/// A set of threads for name lookups. You can use this type from any thread.
package final class LookupThreads: Sendable {
    /// The threads for lookups that may need a name server.
    package static let shared = LookupThreads(limit: 16)
    /// The threads for lookups that this machine can answer itself.
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
            // No new thread is available. Either an existing thread takes the lookup, or the lookup runs on this
            // thread.
            work()
        }
    }

    /// Runs queued lookups until none are left.
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

/// A lookup with a flag that is true while the result of the lookup is needed.
final class Lookup: Sendable {
    private let wanted = Guarded(true)
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func drop() { wanted.withLock { $0 = false } }

    func run() { if wanted.withLock({ $0 }) { body() } }
}

extension EventLoop {
    /// Runs `work`, which may block forever, on a thread that does not delay the end of the program.
    ///
    /// - Parameter locally: A closure that returns the answer if this machine knows the answer, or nil if a name server
    ///   is needed.
    /// - Throws: Any error that `work` or `locally` throws; `CancellationError` as soon as the task is cancelled.
    package func lookUp<T: Sendable>(
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
        let network = self.network
        network.lookups += 1
        defer {
            network.lookups -= 1
            first?.drop()
            lookup.drop()
        }
        if let first { LookupThreads.local.add(first) } else { threads.add(lookup) }
        return try await future.value
    }
}

/// A value that sends the result of a lookup to the future of the waiting task.
//
// SAFETY: the thread retains the future but does not access it. Only the loop accesses the future, after the reply has
// arrived. A closed loop accepts no replies.
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
                    // If the waiter was cancelled in the meantime, it does not need the error.
                    future.isErrorRetrieved = true
                }
            })
    }
}
