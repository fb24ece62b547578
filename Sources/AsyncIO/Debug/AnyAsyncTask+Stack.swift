internal import AsyncIOSystem

// # Where a task is
//
// A Swift task that is suspended is a chain of frames in memory: each knows the function
// that goes on when what it awaits has ended, and the frame of the one that awaits it. The
// runtime keeps the innermost with the task. So where a task waits, file and line and who
// called, can be read when somebody asks, and costs nothing until then.
//
// A logical task may have several carriers (see onCarrier.swift), each with a chain of its
// own: the later one was made, the further in it is.

extension AnyAsyncTask {
    /// The functions that the task is in, innermost first: the program's own, not this
    /// library's. Empty before the task has begun and after it has ended, and where the
    /// Swift runtime is not one that the library knows.
    ///
    /// Costs some microseconds, and more the first time, when the program's debugging
    /// information is read.
    ///
    /// asyncio: `Task.get_stack`.
    public final var stack: [CallGraphFrame] { capturedStack.frames }

    /// The same, without words.
    final var capturedStack: CapturedStack {
        let loop = EventLoop.required(for: "stack")
        guard !isDone else { return .suspended([]) }
        guard loop.carriers.current?.object === self else { return .suspended(suspendedFrames(besides: nil)) }
        return .running(
            onStack: CodeAddresses(), awaitingHere: CodeAddresses.awaitingHere(),
            outer: suspendedFrames(besides: Carrier.current))
    }

    /// The places of each of its carriers, innermost first, but for the one that runs.
    final func suspendedFrames(besides running: Carrier?) -> [CodeAddresses] {
        let carriers = EventLoop.required(for: "stack").carriers.carriers(of: self)
        return Self.suspendedFrames(of: carriers.filter { $0 != running })
    }

    /// The same for who knows which of its carriers have a place in the table.
    final func suspendedFrames(stored: [Carrier]) -> [CodeAddresses] {
        guard let carrier, !stored.contains(carrier) else { return Self.suspendedFrames(of: stored) }
        return Self.suspendedFrames(of: stored + [carrier])
    }

    private static func suspendedFrames(of carriers: [Carrier]) -> [CodeAddresses] {
        carriers.sorted { $0.number > $1.number }.map(\.suspendedFrames)
    }

    /// What the task does.
    var activity: Activity {
        if isDone { return .ended }
        let loop = EventLoop.required(for: "activity")
        if loop.carriers.current?.object === self { return .running }
        guard carrier != nil else { return .created }
        guard let future = waitingOn else { return .elsewhere }
        return future.isDone ? .ready : .waiting(future)
    }

    enum Activity {
        /// It has not begun.
        case created
        case running
        /// What it waited for is there; its turn comes.
        case ready
        case waiting(FutureBase)
        /// It waits for code that is not this library's, or is on its way back from it.
        case elsewhere
        case ended
    }

    /// What the task waits for, in words: "Lock.acquire() of Lock (locked by Task "a", 1 waits)".
    final var waitText: String { waitText { EventLoop.required(for: "sleep").timers.deadline(of: $0) } }

    /// - Parameter deadline: tells when a sleep ends. (The object itself does not know, of
    ///   which there may be a million.)
    final func waitText(_ deadline: (SleepFuture) -> Int64?) -> String {
        switch activity {
        case .created: "to begin"
        case .running: "nothing: it runs"
        case .ready: "its turn"
        case .ended: "nothing: it has ended"
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
        // A timer may be late, and is not to look as if it had been meant for the past.
        .nanoseconds(max(0, deadline - EventLoop.required(for: "sleep").time))
    }
}

/// Where a task was, as addresses: it takes microseconds to note them, and much longer to put
/// words to them for the first time.
enum CapturedStack: Sendable {
    case suspended([CodeAddresses])
    case running(onStack: CodeAddresses, awaitingHere: CodeAddresses, outer: [CodeAddresses])

    /// The program's own functions, innermost first.
    var frames: [CallGraphFrame] {
        switch self {
        case .suspended(let chains): return Self.users(among: chains)
        case .running(let onStack, let awaitingHere, let outer):
            // A scope's body that has not suspended yet runs on the stack of the carrier around it,
            // which is not suspended then.
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

extension Duration {
    /// A few digits: "3.2 s", "15 ms".
    var inWords: String { timeInWords(nanoseconds: roundedUpNanoseconds) }
}
