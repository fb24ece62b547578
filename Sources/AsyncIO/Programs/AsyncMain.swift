internal import AsyncIOSystem

/// An `async` main that runs on a loop. It is the main task of the program, although it is not an `AsyncTask`. This
/// class is used only on the loop's thread.
final class AsyncMain: LoopComponent {
    /// Whether this library leaves Ctrl-C to its host, such as a test runner.
    // SAFETY: set at load time, before there is a second thread.
    nonisolated(unsafe) static var leavesInterruptsAlone = false

    private(set) var wasInterrupted = false
    /// Whether the main function has failed. After a failure, Ctrl-C can cancel only the cleanup.
    var hasEnded = false
    /// The task of an `AsyncIO.main { }` call in the `async` main.
    var body: AnyAsyncTask? { didSet { handleInterrupts() } }
    /// The Swift task of the `async` main, or nil if the runtime is linked statically; see CAsyncIOMain.
    private let carrier = Carrier.ofAsyncMain
    private var handlesInterrupts = false

    required init(on loop: EventLoop) {
        super.init(on: loop)
        if carrier != nil { handleInterrupts() }
    }

    private static let registration: Void = {
        // SAFETY: set once, before any loop exists.
        unsafe EventLoop.makeLoopForAsyncMain = {
            do { return try makeLoop() } catch { ProgramEnd.end(with: error) }
        }
        unsafe EventLoop.runAsyncMain = {
            let loop = try EventLoop.here ?? makeLoop()
            do { try loop.runForever() } catch { ProgramEnd.end(with: error, on: loop) }
        }
    }()

    /// Registers the functions that create and run the loop of an `async` main.
    static func registerHooks() { registration }

    private static func makeLoop() throws -> EventLoop {
        ThreadState.awaitsMain = false
        let loop = try EventLoop()
        _ = loop.component(AsyncMain.self)
        return loop
    }

    /// Makes Ctrl-C cancel the main task, unless the program handles Ctrl-C itself.
    private func handleInterrupts() {
        guard unsafe !Self.leavesInterruptsAlone, !handlesInterrupts else { return }
        handlesInterrupts = true
        loop.signals.setFallback(for: .interrupt) { [unowned self] in
            wasInterrupted = true
            if hasEnded {
                loop.escaping = KeyboardInterrupt()
            } else if let body {
                body.cancel()
            } else {
                carrier?.cancel()
            }
        }
    }
}

extension EventLoop {
    /// Ends all remaining tasks, generators, and work on threads. The caller is running in a step of this loop.
    func finishInsideOfATurn() {
        let outer = state
        if outer == .running { state = .idle }
        defer { state = outer }
        // Errors are ignored, and work that has not ended is left, because the process is about to end.
        try? finish()
    }
}

extension EventLoop {
    /// Makes the event loop the executor of this process. The product AsyncIOMain calls this method on the first thread
    /// of the process.
    package static func installExecutor() {
        AsyncMain.registerHooks()
        LoopExecutor.install()
        ThreadState.awaitsMain = true
        ProgramEnd.reportsEveryError()
    }

    /// Stops this library from handling Ctrl-C, so that Ctrl-C ends a test runner as usual.
    package static func leaveInterruptsAlone() { unsafe AsyncMain.leavesInterruptsAlone = true }
}
