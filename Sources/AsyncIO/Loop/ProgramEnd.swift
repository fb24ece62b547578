internal import AsyncIOSystem

// # The end of a program by an error
//
// `AsyncIO.main { }` gets the error itself. An error that `AsyncIO.run` has thrown and nobody
// caught, and any that leaves the `async` main of a program that links AsyncIOMain, go to
// swift_errorInMain; see CShims/program.c. All three end the same.

/// What a program says and does when an error ends it.
enum ProgramEnd {
    /// Ends the program: by SIGINT after Ctrl-C, with the status of a ``SystemExit``, and
    /// with a line on standard error and status 1 after any other error.
    static func end(with error: any Error) -> Never {
        switch error {
        case is KeyboardInterrupt: ProgramExit.dieOfInterrupt()
        case let exit as SystemExit: ProgramExit.exit(exit.status, saying: exit.message)
        default: ProgramExit.exit(1, saying: line(for: error))
        }
    }

    /// The same for what runs on a loop and ends with the process: everything is cleaned up
    /// first, in turns inside the present one.
    static func end(with error: any Error, on loop: EventLoop) -> Never {
        loop.asyncMain?.hasEnded = true
        loop.finishInsideOfATurn()
        let isInterrupt = error is CancellationError && loop.asyncMain?.wasInterrupted == true
        end(with: isInterrupt ? KeyboardInterrupt() : error)
    }

    /// `error: ` with the type and the text, in one line whatever the text has in it.
    static func line(for error: any Error) -> String {
        let type = String(describing: type(of: error))
        let lines = "\(error)".split(whereSeparator: \.isNewline)
            .map { $0.drop(while: \.isWhitespace) }.filter { !$0.isEmpty }
        // The text may hold what a peer sent, which must not control the terminal.
        let text = printable(lines.joined(separator: " "))
        // A type without a description of its own is told with its name: `Missing(path: "x")`.
        if text.isEmpty || text == type + "()" { return "error: \(type)" }
        return text.hasPrefix(type + "(") ? "error: \(text)" : "error: \(type): \(text)"
    }

    // MARK: Errors that nobody catches

    /// The latest error that `run` threw, as an address. Used on the process's first thread only.
    nonisolated(unsafe) private static var escaped: UInt = 0
    nonisolated(unsafe) private static var isEveryErrorOurs = false

    /// `run` throws this error.
    static func noteEscape(of error: any Error) {
        guard Thread.isMain else { return }
        // SAFETY: this thread alone uses the variable. An error is one pointer, to its box, which
        // stays the same while the error is passed on; it is compared, and never followed. (With
        // its type, since what is in the box would be cast otherwise.)
        unsafe escaped = unsafe unsafeBitCast(error as any Error, to: UInt.self)
        listen()
    }

    /// For a program whose `async` main runs on the loop.
    static func reportsEveryError() {
        // SAFETY: set at load time, before there is a second thread.
        unsafe isEveryErrorOurs = true
        listen()
    }

    private static func listen() {
        unsafe ProgramExit.onErrorInMain { pointer in
            guard let pointer = unsafe pointer else { return }
            guard unsafe ProgramEnd.isEveryErrorOurs || ProgramEnd.escaped == UInt(bitPattern: pointer) else { return }
            // SAFETY: it is the box of an error, which the caller holds.
            let error = unsafe unsafeBitCast(pointer, to: (any Error).self)
            if let loop = EventLoop.current { ProgramEnd.end(with: error, on: loop) }
            ProgramEnd.end(with: error)
        }
    }
}

/// An `async` main that runs on a loop: the program's main task, though no `AsyncTask`. Loop thread
/// only.
final class AsyncMain {
    /// A test runner is no program of ours.
    // SAFETY: set at load time, before there is a second thread.
    nonisolated(unsafe) static var leavesInterruptsAlone = false

    private unowned let loop: EventLoop
    private(set) var wasInterrupted = false
    /// It has failed: Ctrl-C has no more to cancel, but the clean-up.
    var hasEnded = false
    /// The body of an `AsyncIO.main { }` inside of it.
    var body: AnyAsyncTask? { didSet { handleInterrupts() } }
    /// Nil if the runtime is linked statically; see CAsyncIOMain.
    private let carrier = Carrier.ofAsyncMain
    private var handlesInterrupts = false

    init(on loop: EventLoop) {
        self.loop = loop
        if carrier != nil { handleInterrupts() }
    }

    /// Has Ctrl-C cancel the main task, unless the program handles it itself.
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
    /// Ends what is left while this loop runs, from inside one of its steps.
    func finishInsideOfATurn() {
        let outer = state
        if outer == .running { state = .idle }
        defer { state = outer }
        // What cannot be ended is left; the process ends.
        try? finish()
    }
}
