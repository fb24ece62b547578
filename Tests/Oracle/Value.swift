/// The values that tasks return, futures hold, and queues carry.
nonisolated enum Value: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case word(String)
    case list([Value])
    /// An error as a result of `gather` with `return_exceptions`.
    case error(any Error)

    init(_ json: JSON) {
        self =
            switch json {
            case .null: .null
            case .bool(let bool): .bool(bool)
            case .number(let int): .int(int)
            case .string(let word): .word(word)
            case .array(let elements): .list(elements.map(Value.init))
            case .object: malformed("a value is an object")
            }
    }

    /// The outcome of an awaitable of any type. The library's own combinators return lists and
    /// results.
    init(erased: Any) {
        self =
            switch erased {
            case let value as Value: value
            case let values as [Any]: .list(values.map(Value.init(erased:)))
            case let result as Result<Any, any Error>:
                switch result {
                case .success(let value): Value(erased: value)
                case .failure(let error): .error(error)
                }
            default: malformed("no value: \(erased)")
            }
    }

    /// The form in traces.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let bool): bool ? "true" : "false"
        case .int(let int): "\(int)"
        case .word(let word): word
        case .list(let values): "[\(values.map(\.text).joined(separator: ","))]"
        case .error(let error): "!\(errorText(error))"
        }
    }

    /// The form in traces where null means that there is no result.
    var textOrOK: String { if case .null = self { "ok" } else { text } }
}

/// Priority queues hold integers, and lists, which are compared item by item.
extension Value: Comparable {
    nonisolated static func < (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.int(let left), .int(let right)): left < right
        case (.word(let left), .word(let right)): left < right
        case (.list(let left), .list(let right)): left.lexicographicallyPrecedes(right)
        default: false
        }
    }

    nonisolated static func == (left: Value, right: Value) -> Bool { left.text == right.text }
}

extension Optional where Wrapped == Int {
    /// A number, or `null`.
    nonisolated var text: String { map { "\($0)" } ?? "null" }
}
