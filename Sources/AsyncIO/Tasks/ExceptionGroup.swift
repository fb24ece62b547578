/// A group of errors that occurred concurrently.
///
/// asyncio: `ExceptionGroup`.
public struct ExceptionGroup: Error, CustomStringConvertible {
    /// The message of the group, which does not include its errors.
    ///
    /// asyncio: `ExceptionGroup.message`.
    public let message: String
    private let nest: ErrorNest

    /// The errors, in the order in which they occurred. Groups can be nested.
    ///
    /// asyncio: `ExceptionGroup.exceptions`.
    public var errors: [any Error] { nest.errors }

    /// Creates a group of errors.
    public init(_ message: String, _ errors: [any Error]) {
        self.message = message
        nest = ErrorNest(errors)
    }

    /// Splits the group into the errors that match a condition and the errors that do not. Both resulting groups keep
    /// the nesting of the errors. A resulting group is `nil` if it would be empty.
    ///
    /// - Complexity: O(*n*), where *n* is the number of errors.
    ///
    /// Python: `ExceptionGroup.split`.
    public func split(
        _ matches: (any Error) -> Bool
    ) -> (matching: ExceptionGroup?, rest: ExceptionGroup?) {
        // This code is iterative, not recursive, because groups can be deeply nested.
        var open = [Parting(self)]
        while true {
            let last = open.count - 1
            guard let error = open[last].left.popLast() else {
                let parts = open[last].parts
                open.removeLast()
                guard let outer = open.indices.last else { return parts }
                if let part = parts.matching { open[outer].matching.append(part) }
                if let part = parts.rest { open[outer].rest.append(part) }
                continue
            }
            if let group = error as? ExceptionGroup {
                open.append(Parting(group))
            } else if matches(error) {
                open[last].matching.append(error)
            } else {
                open[last].rest.append(error)
            }
        }
    }

    /// A group that is being split.
    private struct Parting {
        let message: String
        /// The errors that have not been checked. The last element is checked next.
        var left: [any Error]
        var matching: [any Error] = []
        var rest: [any Error] = []

        init(_ group: ExceptionGroup) {
            message = group.message
            left = group.errors.reversed()
        }

        var parts: (matching: ExceptionGroup?, rest: ExceptionGroup?) {
            (
                matching.isEmpty ? nil : ExceptionGroup(message, matching),
                rest.isEmpty ? nil : ExceptionGroup(message, rest)
            )
        }
    }

    /// Returns a group of the errors that match a condition, or `nil` if no error matches. The group keeps the nesting
    /// of the errors.
    ///
    /// - Complexity: O(*n*), where *n* is the number of errors.
    ///
    /// Python: `ExceptionGroup.subgroup`.
    public func subgroup(_ matches: (any Error) -> Bool) -> ExceptionGroup? { split(matches).matching }

    /// The errors of the group and of all nested groups, as a flat array.
    ///
    /// - Complexity: O(*n*), where *n* is the number of errors.
    public var flattened: [any Error] {
        var found: [any Error] = []
        var left: [any Error] = errors.reversed()
        while let error = left.popLast() {
            if let group = error as? ExceptionGroup { left += group.errors.reversed() } else { found.append(error) }
        }
        return found
    }

    /// The only error in the group, at any nesting depth. If the group contains several errors, the value is the
    /// innermost group that contains all of them.
    public var unwrapped: any Error {
        var group = self
        while group.errors.count == 1, let error = group.errors.first {
            guard let inner = error as? ExceptionGroup else { return error }
            group = inner
        }
        return group
    }

    /// The message of the group, followed by the errors and their types.
    public var description: String { ErrorText.text(of: self) }
}

extension ExceptionGroup: NestingError {
    var nested: ErrorNest? { nest }

    var pieces: [ErrorText.Piece] {
        var pieces: [ErrorText.Piece] = [
            .text("\(message) (\(errors.count) \(errors.count == 1 ? "error" : "errors"): ")
        ]
        for (index, error) in errors.enumerated() {
            if index > 0 { pieces.append(.text("; ")) }
            pieces.append(.error(error))
        }
        return pieces + [.text(")")]
    }
}
