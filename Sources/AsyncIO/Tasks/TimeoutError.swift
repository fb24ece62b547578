/// An error thrown when an operation exceeds its time limit.
///
/// ```swift
/// do {
///     try await withTimeout(.seconds(2)) { try await fetch(url) }
/// } catch let error as TimeoutError {
///     print(error) // the operation timed out after 2.0 seconds (limit set at App/main.swift:2)
/// }
/// ```
///
/// asyncio: `TimeoutError`, which has no fields.
public struct TimeoutError: Error, CustomStringConvertible {
    /// The duration of the time limit, or `nil` if the limit was a deadline or the duration is unknown.
    public let limit: Duration?
    /// The deadline that passed, on the loop's clock (see ``EventLoop/now``), or `nil` if the deadline is unknown.
    public let deadline: ContinuousClock.Instant?
    /// The place where the program set the limit, or `nil` if the place is unknown.
    public let site: CreationSite?
    private let nest: ErrorNest?

    /// The error that the operation threw after the time limit. Usually, this is the `CancellationError` that ended the
    /// operation, or the error that another library throws for a cancellation. The property is `nil` if the operation
    /// ended without an error.
    ///
    /// asyncio: the `__cause__` of the error.
    public var underlyingError: (any Error)? { nest?.errors.first }

    /// Creates an error that describes the limit.
    ///
    /// - Parameters:
    ///   - limit: The duration of the time limit.
    ///   - deadline: The deadline that passed.
    ///   - site: The place where the limit was set.
    ///   - underlyingError: The error that the operation threw.
    public init(
        limit: Duration? = nil, deadline: ContinuousClock.Instant? = nil, site: CreationSite? = nil,
        underlyingError: (any Error)? = nil
    ) {
        self.limit = limit
        self.deadline = deadline
        self.site = site
        nest = underlyingError.map { ErrorNest([$0]) }
    }

    /// A message with the limit, the place where the limit was set, and the underlying error. The message omits an
    /// underlying `CancellationError`.
    public var description: String { ErrorText.text(of: self) }
}

extension TimeoutError: NestingError {
    var nested: ErrorNest? { nest }

    var pieces: [ErrorText.Piece] {
        var text = "the operation timed out"
        if let limit { text += " after \(limit)" } else if deadline != nil, site != nil { text += " at its deadline" }
        if let site { text += " (limit set at \(site))" }
        guard let underlyingError, !(underlyingError is CancellationError) else { return [.text(text)] }
        return [.text(text + ", and ended with "), .error(underlyingError)]
    }
}
