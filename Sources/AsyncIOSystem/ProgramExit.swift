internal import CShims
internal import Glibc

/// Functions that end the process.
package enum ProgramExit {
    /// Ends the process with `status`, after writing `line` to standard error.
    package static func exit(_ status: Int32, saying line: String? = nil) -> Never {
        if let line {
            // Flush the output, so that text that was printed before the error also appears before it.
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
        // This line is reached only in the first process of a container, because the default action of a signal does
        // not end that process.
        _exit(128 + SIGINT)
    }

    /// Sets the handler that is called when the program's main function or top-level code throws an error. The handler
    /// receives the runtime's pointer to the error's box. If the handler returns, the program traps as usual.
    package static func onErrorInMain(_ handler: @escaping @convention(c) (UnsafeRawPointer?) -> Void) {
        unsafe asyncio_on_error_in_main(handler)
    }

    /// The Swift task of an `async` main function, if this task is known.
    package static var mainTask: UnsafeMutableRawPointer? { unsafe asyncio_main_task() }
}
