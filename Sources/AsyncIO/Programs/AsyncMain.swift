internal import AsyncIOSystem

/// An `async` main that runs on a loop: the main task of the program, although it is not an `AsyncTask`. Loop
/// thread only.
final class AsyncMain: LoopComponent {
    /// Set in a test runner, in which this library does not handle Ctrl-C.
    // SAFETY: set at load time, before there is a second thread.
    nonisolated(unsafe) static var leavesInterruptsAlone = false

    private(set) var wasInterrupted = false
    /// Whether the main function has failed. After that, Ctrl-C can only cancel the cleanup.
    var hasEnded = false
    /// The body of an `AsyncIO.main { }` in the `async` main.
    var body: AnyAsyncTask? { didSet { handleInterrupts() } }
    /// Nil if the runtime is linked statically; see CAsyncIOMain.
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

    /// Tells the kernel how to run an `async` main.
    static func registerHooks() { registration }

    private static func makeLoop() throws -> EventLoop {
        ThreadState.awaitsMain = false
        let loop = try EventLoop()
        _ = loop.component(AsyncMain.self)
        return loop
    }

    /// Makes Ctrl-C cancel the main task, unless the program handles it itself.
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
    /// Ends everything that is left. The caller is running in a step of this loop.
    func finishInsideOfATurn() {
        let outer = state
        if outer == .running { state = .idle }
        defer { state = outer }
        // Errors are ignored, and work that has not ended is left, because the process is about to end.
        try? finish()
    }
}

extension EventLoop {
    /// Makes the event loop the executor of this process. The product AsyncIOMain calls this on the first thread of the
    /// process.
    package static func installExecutor() {
        AsyncMain.registerHooks()
        LoopExecutor.install()
        ThreadState.awaitsMain = true
        ProgramEnd.reportsEveryError()
    }

    /// Leaves Ctrl-C alone, so that it ends the test runner as usual.
    package static func leaveInterruptsAlone() { unsafe AsyncMain.leavesInterruptsAlone = true }
}
