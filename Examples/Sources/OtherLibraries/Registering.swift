import AsyncIO

/// The errors of a client that the program implements itself.
public enum ClientError: Error {
    case interrupted
    case refused
}

/// Registers the error. Call this once, when the program starts.
public func prepare() {
    registerCancellationError(ClientError.self) { $0 == .interrupted }
}
