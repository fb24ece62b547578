internal import AsyncIOSystem
internal import SystemPackage

// # Errors that mean a cancellation
//
// A task that is cancelled while it waits for another library ends with the error that the library throws. This is a
// `CancellationError` from a well-behaved library, but `URLError(.cancelled)` from URLSession,
// `HTTPClientError.cancelled` from AsyncHTTPClient, and ECANCELED from code that passes on the system's errors. Such an
// error counts as a `CancellationError` if this library requested the cancellation and the request was not withdrawn.
// Without a request, it is an ordinary error. Design/0012 explains the reasons.
//
// Only `AnyAsyncTask.isCancellation(_:)` makes this decision. All code that must know whether a body ended because it
// was cancelled uses this method: the end of a task, timeouts, groups, retries, and connection handlers.

/// Registers an error type that indicates a cancellation. The type can belong to another library or to the program.
///
/// ```swift
/// registerCancellationError(DatabaseError.self) { $0.code == .interrupted }
/// ```
///
/// If this library has requested the cancellation of a task, a registered error counts as a `CancellationError` in that
/// task. The request can come from ``AnyAsyncTask/cancel(_:)``, a timeout, a task group, or any other part of this
/// library that cancels tasks. Without a request, a registered error is treated like any other error.
///
/// The following errors are registered by default: `CancellationError`, ECANCELED (in an ``OSError``, an `Errno`, a
/// `POSIXError`, or NIO's `IOError`), `URLError.cancelled`, `CocoaError.userCancelled`, AsyncHTTPClient's
/// `HTTPClientError.cancelled`, and NIO's `EventLoopError.cancelled`.
///
/// The registration applies to the whole process and cannot be undone. You can call this function on any thread. A
/// registration has no cost until a cancelled task ends with an error other than `CancellationError`.
///
/// - Parameters:
///   - type: The error type.
///   - isCancellation: A closure that returns whether an error means that the work was cancelled. By default, every
///     error of the type has this meaning. The closure is called on the loop's thread.
///
/// asyncio: none; cancellation is always a `CancelledError`.
public func registerCancellationError<E: Error>(
    _ type: E.Type, where isCancellation: @escaping @Sendable (E) -> Bool = { _ in true }
) {
    CancellationErrors.registered.withLock { tests in
        tests.append { error in (error as? E).map(isCancellation) ?? false }
    }
}

enum CancellationErrors {
    fileprivate static let registered = Guarded<[@Sendable (any Error) -> Bool]>([])

    /// Returns whether `error` indicates that the code that threw the error was cancelled.
    @inline(never)
    static func contain(_ error: any Error) -> Bool {
        if error is CancellationError { return true }
        if let error = error as? OSError { return error.code == .canceled }
        return isSystems(error) || isLibrarys(error) || registered.withLock { $0 }.contains { $0(error) }
    }

    /// Returns whether the error is an `Errno`, from any module, with the code ECANCELED.
    private static func isSystems(_ error: any Error) -> Bool {
        if let error = error as? Errno { return error == .canceled }
        guard error._domain.hasSuffix(".Errno"), let error = error as? any RawRepresentable<CInt> else { return false }
        return error.rawValue == Errno.canceled.rawValue
    }

    /// Returns whether the error indicates a cancellation in another library. The errors are recognized by name, so
    /// that the libraries do not have to be linked.
    private static func isLibrarys(_ error: any Error) -> Bool {
        switch error._domain {
        // Foundation: URLError, POSIXError and CocoaError, and NSError with their domains.
        case "NSURLErrorDomain": error._code == -999
        case "NSPOSIXErrorDomain": error._code == Int(Errno.canceled.rawValue)
        case "NSCocoaErrorDomain": error._code == 3072
        // Foundation's errors that are written in Swift include their domain and code only in their
        // description.
        case "FoundationEssentials.POSIXError":
            "\(error)".hasPrefix("Error Domain=NSPOSIXErrorDomain Code=\(Errno.canceled.rawValue) ")
        case "FoundationEssentials.CocoaError": "\(error)".hasPrefix("Error Domain=NSCocoaErrorDomain Code=3072 ")
        // Its code is private; its description is not.
        case "AsyncHTTPClient.HTTPClientError": "\(error)" == "HTTPClientError.cancelled"
        case "NIOCore.EventLoopError": "\(error)" == "EventLoopError: the scheduled task was cancelled"
        case "NIOCore.IOError": "\(error)".hasSuffix("(errno: \(Errno.canceled.rawValue))")
        default: false
        }
    }
}

extension AnyAsyncTask {
    /// Returns whether code in this task threw `error` because the code was cancelled.
    final func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || (cancelling > 0 && CancellationErrors.contain(error))
    }

    /// Returns the error to throw after code in this task threw `error`. This is a `CancellationError` if `error` is
    /// the result of a requested cancellation, and `error` itself otherwise.
    final func counted(_ error: any Error) -> any Error {
        isCancellation(error) && !(error is CancellationError) ? CancellationError() : error
    }
}

/// Returns whether the current code threw `error` because the code was cancelled.
func isCancellation(_ error: any Error) -> Bool {
    if error is CancellationError { return true }
    if let task = runningTask() { return task.isCancellation(error) }
    // The code is running in a plain Swift task.
    return Task.isCancelled && CancellationErrors.contain(error)
}
