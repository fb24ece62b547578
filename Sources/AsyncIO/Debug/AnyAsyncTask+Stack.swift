internal import AsyncIOSystem

// # Where a task is
//
// A suspended Swift task is a chain of frames in memory. Each frame holds the function that resumes
// when the awaited call returns, and a pointer to the frame of its caller. The runtime stores the
// innermost frame with the task. The place where a task waits (file, line, and callers) can
// therefore be read on demand, and costs nothing until then.
//
// A logical task can have several carriers (see onCarrier.swift), each with a chain of its own. Carriers that were
// created later are further in.

extension AnyAsyncTask {
    /// The task's call stack, innermost function first.
    ///
    /// The array contains the program's own functions, but not those of this library. The array is empty before the
    /// task starts, after the task ends, and if the library does not know this version of the Swift runtime.
    ///
    /// Reading this property takes microseconds. The first access takes longer, because it reads the program's debug
    /// information.
    ///
    /// - Complexity: O(*n*), where *n* is the depth of the stack.
    ///
    /// asyncio: `Task.get_stack`.
    public final var stack: [CallGraphFrame] { capturedStack.frames }

    /// The task's call stack as addresses, without symbol names.
    final var capturedStack: CapturedStack {
        let loop = EventLoop.required(for: "stack")
        guard !isDone else { return .suspended([]) }
        guard loop.carriers.current?.object === self else { return .suspended(suspendedFrames(besides: nil)) }
        return .running(
            onStack: CodeAddresses(), awaitingHere: CodeAddresses.awaitingHere(),
            outer: suspendedFrames(besides: Carrier.current))
    }

    /// Returns the frames of each of the task's carriers except `running`, innermost first.
    final func suspendedFrames(besides running: Carrier?) -> [CodeAddresses] {
        let carriers = EventLoop.required(for: "stack").carriers.carriers(of: self)
        return Self.suspendedFrames(of: carriers.filter { $0 != running })
    }

    /// Returns the frames of each of the task's carriers. `stored` contains the task's carriers in the table.
    final func suspendedFrames(stored: [Carrier]) -> [CodeAddresses] {
        guard let carrier, !stored.contains(carrier) else { return Self.suspendedFrames(of: stored) }
        return Self.suspendedFrames(of: stored + [carrier])
    }

    private static func suspendedFrames(of carriers: [Carrier]) -> [CodeAddresses] {
        carriers.sorted { $0.number > $1.number }.map(\.suspendedFrames)
    }

    /// The current activity of the task.
    var activity: Activity {
        if isDone { return .ended }
        let loop = EventLoop.required(for: "activity")
        if loop.carriers.current?.object === self { return .running }
        guard carrier != nil else { return .created }
        guard let future = waitingOn else { return .elsewhere }
        return future.isDone ? .ready : .waiting(future)
    }

    enum Activity {
        /// The task has not started.
        case created
        case running
        /// The operation that the task awaited has ended, and the task is in the ready queue.
        case ready
        case waiting(FutureBase)
        /// The task is waiting for code outside this library, or is about to resume after such a wait.
        case elsewhere
        case ended
    }

    /// A description of the operation that the task is waiting for, such as `Lock.acquire(), held by "a"`.
    final var waitText: String { waitText { EventLoop.required(for: "sleep").timers.deadline(of: $0) } }

    /// Returns a description of the operation that the task is waiting for.
    ///
    /// - Parameter deadline: A closure that returns the time at which a sleep ends. (A sleep does not store its
    ///   deadline, because a program can have a million sleeps.)
    final func waitText(_ deadline: (SleepFuture) -> Int64?) -> String {
        switch activity {
        case .created: "its first step"
        case .running: "nothing (running)"
        case .ready: "its turn"
        case .ended: "nothing (ended)"
        case .elsewhere: "code outside of asyncio"
        case .waiting(let future): future.waitDescription + Self.detail(of: future.waitSubject ?? future, deadline)
        }
    }

    private static func detail(of subject: AnyObject, _ deadline: (SleepFuture) -> Int64?) -> String {
        switch subject {
        case let lock as Lock:
            if let owner = lock.owner {
                ", held by \"\(owner.name)\""
            } else if lock.ownerNumber > 0 {
                ", held by Task-\(lock.ownerNumber), which has ended"
            } else {
                ""
            }
        case let sleep as SleepFuture:
            deadline(sleep).map { ", which ends in \(Self.timeLeft(until: $0).inWords)" } ?? ""
        case let queue as QueueState: ", \(queue.facts)"
        default: ""
        }
    }

    private static func timeLeft(until deadline: Int64) -> Duration {
        // A timer can be late; do not report a negative time.
        .nanoseconds(max(0, deadline - EventLoop.required(for: "sleep").time))
    }
}

/// The call stack of a task, as addresses. Recording the addresses takes microseconds. Symbolizing them for the first
/// time takes much longer.
enum CapturedStack: Sendable {
    case suspended([CodeAddresses])
    case running(onStack: CodeAddresses, awaitingHere: CodeAddresses, outer: [CodeAddresses])

    /// The program's own functions, innermost first.
    var frames: [CallGraphFrame] {
        switch self {
        case .suspended(let chains): return Self.users(among: chains)
        case .running(let onStack, let awaitingHere, let outer):
            // The body of a scope that has not suspended yet runs on the stack of the carrier
            // around it. That carrier is then not suspended.
            let onStack = CallGraphFrame.onLoopsStack(Symbolizer.places(of: onStack))
            let nested = onStack.count { $0.isIn("7AsyncIO") && $0.function.hasPrefix("onCarrier") }
            let here = nested > 0 ? Array(onStack) : Symbolizer.places(of: awaitingHere)
            return CallGraphFrame.users(among: here) + Self.users(among: outer.dropFirst(nested))
        }
    }

    private static func users(among chains: some Sequence<CodeAddresses>) -> [CallGraphFrame] {
        chains.flatMap { CallGraphFrame.users(among: Symbolizer.places(of: $0)) }
    }
}
