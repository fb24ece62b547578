// # Describing errors, and errors inside errors
//
// A message that quotes an error without its type omits the name that a program needs to catch the error. Every message
// of this library that mentions an error therefore uses `describe(_:)`.
//
// Errors can contain errors. A group contains the errors of its tasks, which can be groups. A timeout error contains
// the error that followed it. Such a tree is as deep as the user's tasks are nested, which can be ten thousand levels.
// Neither describing nor releasing the tree may use that much stack. Both are therefore iterative, with a list of the
// remaining work.

/// Returns the type and the description of an error, such as `ValueError: the port is negative`.
package func describe(_ error: any Error) -> String {
    ErrorText.text(of: [.error(error)])
}

/// An error that contains other errors.
protocol NestingError: Error {
    /// The contained errors, or nil if the error contains no errors.
    var nested: ErrorNest? { get }
    /// The parts of the text of the error. Each contained error is a separate part.
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
        // Many errors include their type, as a structure without a description does.
        if text.hasPrefix(type) { return text }
        if text.isEmpty { return type }
        let isPlainCase = !(error is any CustomStringConvertible) && Mirror(reflecting: error).displayStyle == .enum
        return isPlainCase ? "\(type).\(text)" : "\(type): \(text)"
    }
}

/// The errors that an error contains.
//
// SAFETY: the list is changed only by `deinit`: its own, or that of an outer nest that has the only reference
// to this one.
final class ErrorNest: @unchecked Sendable {
    private(set) var errors: [any Error]

    init(_ errors: [any Error]) { self.errors = errors }

    deinit {
        var left = errors
        errors = []
        while !left.isEmpty {
            // If the error is retained elsewhere, so is its nest.
            guard var nest = Self.popNest(of: &left), isKnownUniquelyReferenced(&nest) else { continue }
            left += nest.errors
            nest.errors = []
        }
    }

    /// Removes the last error, and returns its nest. The error is released when this method returns.
    @inline(never)
    private static func popNest(of errors: inout [any Error]) -> ErrorNest? {
        guard let error = errors.popLast() else { return nil }
        return (error as? any NestingError)?.nested
    }
}
