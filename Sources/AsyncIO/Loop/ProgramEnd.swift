internal import AsyncIOSystem

// # Ending a program by an error
//
// `AsyncIO.main { }` receives the error itself. An error that `AsyncIO.run` threw and nobody caught, and any
// error that leaves the `async` main of a program that links AsyncIOMain, go to swift_errorInMain; see
// CShims/runtime.c. All three end the program in the same way.

/// What a program prints and does when an error ends it.
enum ProgramEnd {
    /// Ends the program: by SIGINT after Ctrl-C, with the status of a ``SystemExit``, and with a line on
    /// standard error and status 1 after any other error.
    static func end(with error: any Error) -> Never {
        switch error {
        case is KeyboardInterrupt: ProgramExit.dieOfInterrupt()
        case let exit as SystemExit: ProgramExit.exit(exit.status, saying: exit.message)
        default: ProgramExit.exit(1, saying: line(for: error))
        }
    }

    /// The same for code that runs on a loop and ends with the process: everything is cleaned up first, in
    /// turns inside the current one.
    static func end(with error: any Error, on loop: EventLoop) -> Never {
        loop.asyncMain?.hasEnded = true
        loop.finishInsideOfATurn()
        let isInterrupt = error is CancellationError && loop.asyncMain?.wasInterrupted == true
        end(with: isInterrupt ? KeyboardInterrupt() : error)
    }

    /// Returns `error: ` with the type and the text of the error, in a single line.
    static func line(for error: any Error) -> String {
        let type = String(describing: type(of: error))
        let lines = "\(error)".split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
        // The text may contain input from a peer, which must not control the terminal.
        let text = printable(lines.joined(separator: " "))
        // A type without a description of its own already includes its name: `Missing(path: "x")`.
        if text.isEmpty || text == type + "()" { return "error: \(type)" }
        return text.hasPrefix(type + "(") ? "error: \(text)" : "error: \(type): \(text)"
    }

    // MARK: Uncaught errors

    /// The latest error that `run` threw, as an address. Used only on the process's first thread.
    nonisolated(unsafe) private static var escaped: UInt = 0
    nonisolated(unsafe) private static var isEveryErrorOurs = false

    /// Notes that `run` throws this error.
    static func noteEscape(of error: any Error) {
        guard Thread.isMain else { return }
        // SAFETY: only this thread uses the variable. An error is one pointer to its box, which stays the
        // same while the error is passed on; it is compared and never dereferenced. (It is cast from the
        // existential type, because otherwise the contents of the box would be cast.)
        unsafe escaped = unsafe unsafeBitCast(error as any Error, to: UInt.self)
        listen()
    }

    /// Reports every error, for a program whose `async` main runs on the loop.
    static func reportsEveryError() {
        // SAFETY: set at load time, before there is a second thread.
        unsafe isEveryErrorOurs = true
        listen()
    }

    private static func listen() {
        unsafe ProgramExit.onErrorInMain { pointer in
            guard let pointer = unsafe pointer else { return }
            guard unsafe ProgramEnd.isEveryErrorOurs || ProgramEnd.escaped == UInt(bitPattern: pointer) else { return }
            // SAFETY: this is the box of an error, which the caller retains.
            let error = unsafe unsafeBitCast(pointer, to: (any Error).self)
            if let loop = EventLoop.current { ProgramEnd.end(with: error, on: loop) }
            ProgramEnd.end(with: error)
        }
    }
}

/// An `async` main that runs on a loop: the main task of the program, although it is not an `AsyncTask`. Loop
/// thread only.
final class AsyncMain {
    /// Set in a test runner, whose Ctrl-C is not handled by this library.
    // SAFETY: set at load time, before there is a second thread.
    nonisolated(unsafe) static var leavesInterruptsAlone = false

    private unowned let loop: EventLoop
    private(set) var wasInterrupted = false
    /// The main has failed: Ctrl-C can only cancel the cleanup.
    var hasEnded = false
    /// The body of an `AsyncIO.main { }` inside it.
    var body: AnyAsyncTask? { didSet { handleInterrupts() } }
    /// Nil if the runtime is linked statically; see CAsyncIOMain.
    private let carrier = Carrier.ofAsyncMain
    private var handlesInterrupts = false

    init(on loop: EventLoop) {
        self.loop = loop
        if carrier != nil { handleInterrupts() }
    }

    /// Makes Ctrl-C cancel the main task, unless the program handles it itself.
    private func handleInterrupts() {
        guard unsafe !Self.leavesInterruptsAlone, !handlesInterrupts else { return }
        handlesInterrupts = true
        loop.signals.setFallback(for: .interrupt, waking: loop.poller.wakeUp) { [unowned self] in
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
    /// Ends everything that is left while this loop runs, within one of its steps.
    func finishInsideOfATurn() {
        let outer = state
        if outer == .running { state = .idle }
        defer { state = outer }
        // What cannot be ended is left, because the process ends.
        try? finish()
    }
}
