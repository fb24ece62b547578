import AsyncIO

/// The error type of scenarios.
nonisolated struct UserError: Error {
    let name: String
}

/// Python errors that the library does not use.
nonisolated struct PythonError: Error {
    let kind: String
}

/// The error that a scenario names.
nonisolated func makeError(_ spec: String) -> any Error {
    let parts = spec.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    switch parts[0] {
    case "UserError": return UserError(name: String(parts[1]))
    case "CancelledError": return CancellationError()
    case "TimeoutError": return TimeoutError()
    case "InvalidStateError": return InvalidStateError("")
    case "QueueEmpty": return QueueEmpty()
    case "QueueFull": return QueueFull()
    case "QueueShutDown": return QueueShutDown()
    case "BrokenBarrierError": return BrokenBarrierError("")
    case "RuntimeError": return RuntimeError("")
    case "ValueError": return ValueError("")
    default: return PythonError(kind: spec)
    }
}

/// The kind of an error, which handlers match.
nonisolated func errorKind(_ error: any Error) -> String {
    switch error {
    case is UserError: "UserError"
    case is ExceptionGroup: "ExceptionGroup"
    case is CancellationError: "CancelledError"
    case is TimeoutError: "TimeoutError"
    case is InvalidStateError: "InvalidStateError"
    case is QueueEmpty: "QueueEmpty"
    case is QueueFull: "QueueFull"
    case is QueueShutDown: "QueueShutDown"
    case is BrokenBarrierError: "BrokenBarrierError"
    case is RuntimeError: "RuntimeError"
    case is ValueError: "ValueError"
    case let error as PythonError: error.kind
    default: "\(type(of: error))"
    }
}

/// The form of an error in traces.
nonisolated func errorText(_ error: any Error) -> String {
    switch error {
    case let error as UserError: "UserError(\(error.name))"
    case let group as ExceptionGroup: "ExceptionGroup[\(group.errors.map(errorText).joined(separator: ","))]"
    default: errorKind(error)
    }
}
