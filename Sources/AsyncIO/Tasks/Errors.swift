public import SystemPackage

// asyncio's errors under their own names. Cancellation uses Swift's `CancellationError`.

/// An error thrown when an operation is not possible in the current state.
///
/// asyncio: `RuntimeError`.
public struct RuntimeError: Error, CustomStringConvertible {
    /// A description of the problem.
    public let message: String
    /// Creates an error with a message.
    public init(_ message: String) { self.message = message }
    /// The message of the error.
    public var description: String { message }
}

/// An error thrown when an argument has an invalid value.
///
/// asyncio: `ValueError`.
public struct ValueError: Error, CustomStringConvertible {
    /// A description of the problem.
    public let message: String
    /// Creates an error with a message.
    public init(_ message: String) { self.message = message }
    /// The message of the error.
    public var description: String { message }
}

/// An error thrown when an operation is not valid in the state of a future. For example, setting the result of a future
/// that has already ended throws this error.
///
/// asyncio: `asyncio.InvalidStateError`.
public struct InvalidStateError: Error, CustomStringConvertible {
    /// A description of the problem.
    public let message: String
    /// Creates an error with a message.
    public init(_ message: String) { self.message = message }
    /// The message of the error.
    public var description: String { message }
}

/// An error thrown when Ctrl-C ends the main task.
///
/// asyncio: `KeyboardInterrupt`.
public struct KeyboardInterrupt: Error, CustomStringConvertible {
    /// Creates an error.
    public init() {}
    /// The text "interrupted".
    public var description: String { "interrupted" }
}

/// An error that ends the program with an exit status. Cleanup code runs before the program ends.
///
/// Throw this error in the main task, where ``main(debug:backend:_:)`` catches it, or in the `async` main function of a
/// program that links AsyncIOMain.
///
/// ```swift
/// AsyncIO.main {
///     guard try await check() else { throw SystemExit(2) }
/// }
/// ```
///
/// In any other task, this error has no special effect.
///
/// asyncio: `SystemExit`, which `sys.exit` raises.
public struct SystemExit: Error, CustomStringConvertible {
    /// The exit status of the process. The system uses only the low eight bits.
    ///
    /// asyncio: `SystemExit.code`.
    public let status: Int32
    /// The message to print to standard error, if any.
    public let message: String?

    /// Creates an error that ends the program with `status` and prints nothing.
    public init(_ status: Int32 = 0) {
        self.status = status
        message = nil
    }

    /// Creates an error that ends the program with status 1 and prints `message` to standard error.
    public init(_ message: String) {
        status = 1
        self.message = message
    }

    /// The message, or the exit status if the error has no message.
    public var description: String { message ?? "exit status \(status)" }
}

/// An error thrown when an operation of the operating system fails.
///
/// asyncio: `OSError`.
public struct OSError: Error, CustomStringConvertible {
    /// The system's error code.
    ///
    /// asyncio: `OSError.errno`.
    public let code: Errno
    /// The operation that failed.
    public let operation: String

    /// Creates an error with a code and the operation that failed.
    public init(_ code: Errno, _ operation: String) {
        self.code = code
        self.operation = operation
    }

    /// Whether the error means that a connection was refused, closed, or lost.
    ///
    /// asyncio: `ConnectionError` and its subclasses.
    public var isConnectionError: Bool {
        switch code {
        case .brokenPipe, .connectionReset, .connectionAbort, .connectionRefused, .socketShutdown: true
        default: false
        }
    }

    /// The operation, the meaning of the error code, and the number of the code.
    public var description: String { "\(operation): \(code) (errno \(code.rawValue))" }
}
