internal import CShims

/// The end of the process.
package enum ProgramExit {
    /// Ends the process with `status`, after `line` on standard error.
    package static func exit(_ status: Int32, saying line: String? = nil) -> Never {
        if let line {
            var line = line + "\n"
            // SAFETY: the bytes are read during the call.
            line.withUTF8 { unsafe asyncio_last_words($0.baseAddress, $0.count) }
        }
        asyncio_exit(status)
    }

    /// Ends the process as Ctrl-C does if nobody handles it: by SIGINT.
    package static func dieOfInterrupt() -> Never { asyncio_die_of_interrupt() }

    /// Has `handler` called with an error that leaves the program's main function or its
    /// top-level code, as the runtime has it: the address of its box. If it returns, the
    /// program traps as ever.
    package static func onErrorInMain(_ handler: @escaping @convention(c) (UnsafeRawPointer?) -> Void) {
        unsafe asyncio_on_error_in_main(handler)
    }

    /// The Swift task of an `async` main, if it is known.
    package static var mainTask: UnsafeMutableRawPointer? { unsafe asyncio_main_task() }
}
