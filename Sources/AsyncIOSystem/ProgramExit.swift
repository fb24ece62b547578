internal import CShims

/// The end of the process.
package enum ProgramExit {
    /// Ends the process with `status`, after writing `line` to standard error.
    package static func exit(_ status: Int32, saying line: String? = nil) -> Never {
        if let line {
            var line = line + "\n"
            // SAFETY: the bytes are read during the call.
            line.withUTF8 { unsafe asyncio_last_words($0.baseAddress, $0.count) }
        }
        asyncio_exit(status)
    }

    /// Ends the process with SIGINT, as an unhandled Ctrl-C does.
    package static func dieOfInterrupt() -> Never { asyncio_die_of_interrupt() }

    /// Sets the handler that is called when the program's main function or top-level code throws an
    /// error. It gets the runtime's pointer to the error's box. If it returns, the program traps as
    /// usual.
    package static func onErrorInMain(_ handler: @escaping @convention(c) (UnsafeRawPointer?) -> Void) {
        unsafe asyncio_on_error_in_main(handler)
    }

    /// The Swift task of an `async` main, if it is known.
    package static var mainTask: UnsafeMutableRawPointer? { unsafe asyncio_main_task() }
}
