internal import AsyncIOSystem

/// A way to wait for another task or thread, which can run anywhere.
//
// SAFETY: the waiter of a loop is used only on the thread of the loop.
enum Waiting: @unchecked Sendable {
    case loop(EventLoop, Waiter)
    case task(ResumableOnce)
    case gate(ThreadGate)

    /// Returns the way in which the calling task waits. A task in the loop's table of carriers waits through the loop.
    static func ofThisTask(_ purpose: StaticString, on subject: AnyObject) -> Waiting {
        guard let loop = EventLoop.here, loop.carriers.current != nil else { return .task(ResumableOnce()) }
        return .loop(loop, Waiter(for: purpose, on: subject))
    }

    /// Suspends the calling task until ``wake()`` is called.
    ///
    /// - Parameter leave: A closure that is called if a Swift task that is not on a loop is cancelled. It returns
    ///   whether the task had not been woken yet.
    /// - Throws: `CancellationError` if the task was cancelled.
    func wait(
        isolation: isolated (any Actor)? = #isolation, leave: @escaping @Sendable () -> Bool
    ) async throws {
        switch self {
        case .gate: break
        case .loop(_, let waiter): try await waiter.wait()
        case .task(let resumable):
            await withTaskCancellationHandler {
                _ = isolation
                await resumable.wait()
            } onCancel: {
                if leave() { resumable.cancel() }
            }
            if resumable.wasCancelled { throw CancellationError() }
        }
    }

    /// The loop through which the task waits, or nil.
    var loop: EventLoop? { if case .loop(let loop, _) = self { loop } else { nil } }

    /// Wakes the waiting task or thread, unless its loop is closed.
    func wake() {
        switch self {
        case .gate(let gate): gate.open()
        case .task(let resumable): resumable.resume()
        case .loop(let loop, let waiter):
            let parcel = UncheckedWaiter(waiter)
            _ = loop.post(.callback { parcel.waiter.complete() })
        }
    }

    private struct UncheckedWaiter: @unchecked Sendable {
        let waiter: Waiter
        init(_ waiter: Waiter) { self.waiter = waiter }
    }
}

/// An object that resumes a continuation exactly once. The object can be asked to resume before the continuation
/// exists.
final class ResumableOnce: Sendable {
    private enum State {
        case nothing
        case suspended(Continuation)
        case resumed(wasCancelled: Bool)
    }

    private let state = Guarded(State.nothing)

    var wasCancelled: Bool {
        state.withLock { if case .resumed(true) = $0 { true } else { false } }
    }

    func wait() async {
        await unsafe withUnsafeContinuation { continuation in
            let continuation = unsafe Continuation(continuation)
            let isOver = state.withLock { state in
                if case .resumed = state { return true }
                state = .suspended(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
        Continuation.wasResumed()
    }

    func resume() { end(wasCancelled: false) }
    func cancel() { end(wasCancelled: true) }

    private func end(wasCancelled: Bool) {
        let continuation = state.withLock { state -> Continuation? in
            defer { state = .resumed(wasCancelled: wasCancelled) }
            if case .suspended(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume()
    }
}
