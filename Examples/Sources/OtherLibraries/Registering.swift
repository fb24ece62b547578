import AsyncIO

/// The errors of a client of the program's own.
public enum ClientError: Error {
    case interrupted
    case refused
}

/// To be called once, when the program begins.
public func prepare() {
    registerCancellationError(ClientError.self) { $0 == .interrupted }
}
