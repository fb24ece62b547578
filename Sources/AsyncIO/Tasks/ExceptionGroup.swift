/// Several errors that happened side by side.
///
/// asyncio: `ExceptionGroup`.
public struct ExceptionGroup: Error, CustomStringConvertible {
    public let message: String
    /// The errors, in the order they happened. Groups may be nested.
    public let errors: [any Error]

    public init(_ message: String, _ errors: [any Error]) {
        self.message = message
        self.errors = errors
    }

    /// The errors that `matches` picks, and the others, each with the nesting kept; nil
    /// where there are none.
    ///
    /// Python: `ExceptionGroup.split`.
    public func split(
        _ matches: (any Error) -> Bool
    ) -> (matching: ExceptionGroup?, rest: ExceptionGroup?) {
        var matching: [any Error] = []
        var rest: [any Error] = []
        for error in errors {
            if let group = error as? ExceptionGroup {
                let parts = group.split(matches)
                if let part = parts.matching { matching.append(part) }
                if let part = parts.rest { rest.append(part) }
            } else if matches(error) {
                matching.append(error)
            } else {
                rest.append(error)
            }
        }
        return (
            matching.isEmpty ? nil : ExceptionGroup(message, matching),
            rest.isEmpty ? nil : ExceptionGroup(message, rest)
        )
    }

    /// The errors that `matches` picks, with the nesting kept; nil if there are none.
    ///
    /// Python: `ExceptionGroup.subgroup`.
    public func subgroup(_ matches: (any Error) -> Bool) -> ExceptionGroup? { split(matches).matching }

    /// All errors, without the nesting.
    public var flattened: [any Error] {
        errors.flatMap { ($0 as? ExceptionGroup)?.flattened ?? [$0] }
    }

    /// The error itself if there is only one, however deeply nested; else the group.
    public var unwrapped: any Error {
        guard errors.count == 1, let error = errors.first else { return self }
        return (error as? ExceptionGroup)?.unwrapped ?? error
    }

    public var description: String {
        "\(message) (\(errors.count) \(errors.count == 1 ? "error" : "errors"): "
            + "\(errors.map { "\($0)" }.joined(separator: "; ")))"
    }
}
