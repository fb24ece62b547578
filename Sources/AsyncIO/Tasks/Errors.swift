public import SystemPackage

// asyncio's errors under their own names. A cancellation is Swift's
// `CancellationError`.

/// The program asked for something that cannot be done in the present state.
///
/// asyncio: `RuntimeError`.
public struct RuntimeError: Error, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// A value that makes no sense where it was given.
///
/// asyncio: `ValueError`.
public struct ValueError: Error, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// The future has ended already, or has not ended yet.
///
/// asyncio: `asyncio.InvalidStateError`.
public struct InvalidStateError: Error, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}

/// Ctrl-C ended the main task.
///
/// asyncio: `KeyboardInterrupt`.
public struct KeyboardInterrupt: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "interrupted" }
}

/// Ends the program with an exit status, once everything is cleaned up: thrown by the main
/// task, where ``main(debug:backend:_:)`` catches it, or by the `async` main of a program that
/// links AsyncIOMain.
///
/// ```swift
/// AsyncIO.main {
///     guard try await check() else { throw SystemExit(2) }
/// }
/// ```
///
/// In any other task it is an error like others.
///
/// asyncio: `SystemExit`, which `sys.exit` raises.
public struct SystemExit: Error, CustomStringConvertible {
    /// The exit status of the process, of which the system keeps the low eight bits.
    public let status: Int32
    /// What to print on standard error.
    public let message: String?

    /// Ends the program with `status`, and prints nothing.
    public init(_ status: Int32 = 0) {
        self.status = status
        message = nil
    }

    /// Ends the program with status 1, and `message` on standard error.
    public init(_ message: String) {
        status = 1
        self.message = message
    }

    public var description: String { message ?? "exit status \(status)" }
}

/// The operating system refused.
///
/// asyncio: `OSError`.
public struct OSError: Error, CustomStringConvertible {
    /// The system's code.
    public let code: Errno
    /// What was tried.
    public let operation: String

    public init(_ code: Errno, _ operation: String) {
        self.code = code
        self.operation = operation
    }

    /// Whether it says that a connection is not there, or not any more.
    ///
    /// asyncio: `ConnectionError` and its kinds.
    public var isConnectionError: Bool {
        switch code {
        case .brokenPipe, .connectionReset, .connectionAbort, .connectionRefused, .socketShutdown: true
        default: false
        }
    }

    public var description: String { "\(operation): \(code) (errno \(code.rawValue))" }
}
