// # Errors in words, and errors in errors
//
// A message that gives an error's text without its type leaves out what the program would
// catch it by. So every message of this library that speaks of an error asks `describe(_:)`.
//
// Errors hold errors: a group those of its tasks, which may be groups; a time-out the error that
// came of it. Such a tree is as deep as the user's tasks are nested, some ten thousand levels if
// need be, and neither to describe it nor to let it go may take as much stack. Both are done by
// hand, with a list of what is left to do.

/// The error with its type: `ValueError: the port is negative`.
package func describe(_ error: any Error) -> String {
    ErrorText.text(of: [.error(error)])
}

/// An error that holds others.
protocol NestingError: Error {
    /// Those that it holds; nil for none.
    var nested: ErrorNest? { get }
    /// Its text, in which others stand for their own.
    var pieces: [ErrorText.Piece] { get }
}

enum ErrorText {
    enum Piece {
        case text(String)
        /// An error, with its type.
        case error(any Error)
    }

    /// The text of an error, without its type.
    static func text(of error: some NestingError) -> String { text(of: error.pieces) }

    static func text(of pieces: [Piece]) -> String {
        var text = ""
        var left = Array(pieces.reversed())
        while let piece = left.popLast() {
            switch piece {
            case .text(let part): text += part
            case .error(let error as any NestingError):
                text += "\(type(of: error)): "
                left += error.pieces.reversed()
            case .error(let error): text += withType(error)
            }
        }
        return text
    }

    private static func withType(_ error: any Error) -> String {
        let type = "\(type(of: error))"
        let text = "\(error)"
        // Many say it themselves, as a structure without a description does.
        if text.hasPrefix(type) { return text }
        if text.isEmpty { return type }
        let isPlainCase = !(error is any CustomStringConvertible) && Mirror(reflecting: error).displayStyle == .enum
        return isPlainCase ? "\(type).\(text)" : "\(type): \(text)"
    }
}

/// The errors that an error holds.
//
// SAFETY: the list is changed by `deinit` alone, and by the one of an outer nest that has the only
// reference to this one.
final class ErrorNest: @unchecked Sendable {
    private(set) var errors: [any Error]

    init(_ errors: [any Error]) { self.errors = errors }

    deinit {
        var left = errors
        errors = []
        while !left.isEmpty {
            // Still held by others if the error is.
            guard var nest = Self.popNest(of: &left), isKnownUniquelyReferenced(&nest) else { continue }
            left += nest.errors
            nest.errors = []
        }
    }

    /// The nest of the last error, which is let go of when this returns.
    @inline(never)
    private static func popNest(of errors: inout [any Error]) -> ErrorNest? {
        guard let error = errors.popLast() else { return nil }
        return (error as? any NestingError)?.nested
    }
}
