/// Time ran out.
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
    /// How long the operation was given; nil if it was given a deadline, or if that is not known.
    public let limit: Duration?
    /// The deadline that passed, on the clock of ``EventLoop/now``; nil if it is not known.
    public let deadline: ContinuousClock.Instant?
    /// Where the program set the limit; nil if it is not known.
    public let site: CreationSite?
    private let nest: ErrorNest?

    /// The error that the operation ended with after time had run out: mostly the
    /// `CancellationError` by which it was ended, or what another library throws in place of one.
    /// Nil if it ended without an error.
    ///
    /// asyncio: the `__cause__` of the error.
    public var underlyingError: (any Error)? { nest?.errors.first }

    /// An error with what is known of the limit.
    ///
    /// - Parameters:
    ///   - limit: how long the operation was given.
    ///   - deadline: when time ran out.
    ///   - site: where the limit was set.
    ///   - underlyingError: what the operation ended with.
    public init(
        limit: Duration? = nil, deadline: ContinuousClock.Instant? = nil, site: CreationSite? = nil,
        underlyingError: (any Error)? = nil
    ) {
        self.limit = limit
        self.deadline = deadline
        self.site = site
        nest = underlyingError.map { ErrorNest([$0]) }
    }

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
