internal import AsyncIOSystem

// # Ending a program by an error
//
// `AsyncIO.main { }` receives the error itself. An uncaught error from `AsyncIO.run`, and any error that leaves the
// `async` main of a program that links AsyncIOMain, go to swift_errorInMain; see CShims/runtime.c. All three end the
// program in the same way.

/// The functions that end a program after an error.
enum ProgramEnd {
    /// Ends the program. After Ctrl-C, the program terminates itself with SIGINT. After a ``SystemExit``, the program
    /// exits with the status of that error. After any other error, the program prints a line to standard error and
    /// exits with status 1.
    static func end(with error: any Error) -> Never {
        switch error {
        case is KeyboardInterrupt: ProgramExit.dieOfInterrupt()
        case let exit as SystemExit: ProgramExit.exit(exit.status, saying: exit.message)
        default: ProgramExit.exit(1, saying: line(for: error))
        }
    }

    /// Ends the program from code that runs on a loop. This method first cleans up, in turns that run inside the
    /// current turn.
    static func end(with error: any Error, on loop: EventLoop) -> Never {
        loop.existingComponent(AsyncMain.self)?.hasEnded = true
        loop.finishInsideOfATurn()
        let isInterrupt = error is CancellationError && loop.existingComponent(AsyncMain.self)?.wasInterrupted == true
        end(with: isInterrupt ? KeyboardInterrupt() : error)
    }

    /// Returns a single line that consists of `error: `, the type of the error, and its text.
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

    /// The address of the latest error that `run` threw. It is used only on the process's first thread.
    nonisolated(unsafe) private static var escaped: UInt = 0
    nonisolated(unsafe) private static var isEveryErrorOurs = false

    /// Records that `run` throws this error.
    static func noteEscape(of error: any Error) {
        guard Thread.isMain else { return }
        // SAFETY: only this thread uses the variable. An error is one pointer to its box, which stays the
        // same while the error is passed on; it is compared and never dereferenced. (It is cast from the
        // existential type, because otherwise the contents of the box would be cast.)
        unsafe escaped = unsafe unsafeBitCast(error as any Error, to: UInt.self)
        listen()
    }

    /// Makes every error of an `async` main end the program with a message. Programs whose `async` main runs on the
    /// loop use this method.
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
