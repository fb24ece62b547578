internal import AsyncIOSystem
internal import SystemPackage

// # Errors that mean a cancellation
//
// A task that is cancelled while it waits for another library ends with whatever that library
// throws then: `CancellationError` if it is well behaved, but `URLError(.cancelled)` from
// URLSession, `HTTPClientError.cancelled` from AsyncHTTPClient, and ECANCELED from what passes
// the system's errors on. Such an error counts as a `CancellationError`, provided that this
// library asked for the cancellation: the task has a request that was not taken back. Where nobody
// asked, it is an error like others. Design/0012 has the reasons.
//
// `AnyAsyncTask.isCancellation(_:)` is the one place that decides. All that must know whether a
// body ended because it was cancelled asks it: the end of a task, time-outs, groups, retries,
// handlers of connections.

/// Has errors of another library, or of the program, count as a `CancellationError` where they
/// come of a cancellation.
///
/// ```swift
/// registerCancellationError(DatabaseError.self) { $0.code == .interrupted }
/// ```
///
/// They do so in a task that was asked to cancel: by ``AnyAsyncTask/cancel(_:)``, a time-out, a
/// task group, or whatever else of this library ends tasks. Where nobody asked, such an error
/// remains what it is.
///
/// Known already are `CancellationError`, ECANCELED (in an ``OSError``, an `Errno`, a `POSIXError`, NIO's
/// `IOError`), `URLError.cancelled`, `CocoaError.userCancelled`, AsyncHTTPClient's
/// `HTTPClientError.cancelled`, and NIO's `EventLoopError.cancelled`.
///
/// It holds for the whole process, from now on, and cannot be taken back. May be called on any
/// thread. It costs nothing until a cancelled task ends with an error of another kind.
///
/// - Parameters:
///   - type: the type of the errors.
///   - isCancellation: which of them mean that the work was cancelled; all of them if it is not
///     given. Called on the thread of the loop.
public func registerCancellationError<E: Error>(
    _ type: E.Type, where isCancellation: @escaping @Sendable (E) -> Bool = { _ in true }
) {
    CancellationErrors.registered.withLock { tests in
        tests.append { error in (error as? E).map(isCancellation) ?? false }
    }
}

enum CancellationErrors {
    fileprivate static let registered = Guarded<[@Sendable (any Error) -> Bool]>([])

    /// Whether who throws `error` says that it was cancelled.
    @inline(never)
    static func contain(_ error: any Error) -> Bool {
        if error is CancellationError { return true }
        if let error = error as? OSError { return error.code == .canceled }
        return isSystems(error) || isLibrarys(error) || registered.withLock { $0 }.contains { $0(error) }
    }

    /// ECANCELED as an error itself: `Errno` of whatever module.
    private static func isSystems(_ error: any Error) -> Bool {
        if let error = error as? Errno { return error == .canceled }
        guard error._domain.hasSuffix(".Errno"), let error = error as? any RawRepresentable<CInt> else { return false }
        return error.rawValue == Errno.canceled.rawValue
    }

    /// Told by names, so that none of these libraries has to be linked.
    private static func isLibrarys(_ error: any Error) -> Bool {
        switch error._domain {
        // Foundation: URLError, POSIXError and CocoaError, and NSError with their domains.
        case "NSURLErrorDomain": error._code == -999
        case "NSPOSIXErrorDomain": error._code == Int(Errno.canceled.rawValue)
        case "NSCocoaErrorDomain": error._code == 3072
        // Foundation's that are written in Swift tell domain and code in their description only.
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
    /// Whether code of this task that ended with `error` ended because it was cancelled.
    final func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || (cancelling > 0 && CancellationErrors.contain(error))
    }

    /// The error to throw for one that code of this task ended with: `CancellationError` if it
    /// means one that was asked for.
    final func counted(_ error: any Error) -> any Error {
        isCancellation(error) && !(error is CancellationError) ? CancellationError() : error
    }
}

/// Whether the code that runs here ended with `error` because it was cancelled.
func isCancellation(_ error: any Error) -> Bool {
    if error is CancellationError { return true }
    if let task = runningTask() { return task.isCancellation(error) }
    // A plain Swift task.
    return Task.isCancelled && CancellationErrors.contain(error)
}
