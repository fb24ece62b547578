internal import CShims
internal import Glibc

/// The end of the process.
package enum ProgramExit {
    /// Ends the process with `status`, after writing `line` to standard error.
    package static func exit(_ status: Int32, saying line: String? = nil) -> Never {
        if let line {
            // Output that was printed before the error appears before it.
            fflush(nil)
            ThisProcess.complain(line + "\n")
        }
        Glibc.exit(status)
    }

    /// Ends the process with SIGINT, as an unhandled Ctrl-C does.
    package static func dieOfInterrupt() -> Never {
        fflush(nil)
        signal(SIGINT, SIG_DFL)
        // SAFETY: the set is on this stack.
        var interrupt = sigset_t()
        unsafe sigemptyset(&interrupt)
        unsafe sigaddset(&interrupt, SIGINT)
        unsafe sigprocmask(SIG_UNBLOCK, &interrupt, nil)
        kill(getpid(), SIGINT)
        // Not reached, unless this is the first process of a container, which is not ended by the
        // default action of a signal.
        _exit(128 + SIGINT)
    }

    /// Sets the handler that is called when the program's main function or top-level code throws an
    /// error. It gets the runtime's pointer to the error's box. If it returns, the program traps as
    /// usual.
    package static func onErrorInMain(_ handler: @escaping @convention(c) (UnsafeRawPointer?) -> Void) {
        unsafe asyncio_on_error_in_main(handler)
    }

    /// The Swift task of an `async` main, if it is known.
    package static var mainTask: UnsafeMutableRawPointer? { unsafe asyncio_main_task() }
}
