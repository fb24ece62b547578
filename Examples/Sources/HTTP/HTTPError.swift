internal import AsyncIO

/// An error status from the server, or a response that is not valid.
public struct HTTPError: Error, CustomStringConvertible {
    public let description: String
    /// Whether another attempt can succeed.
    public let mayPass: Bool

    init(_ description: String, mayPass: Bool = false) { (self.description, self.mayPass) = (description, mayPass) }

    init(status: Int) {
        self.init("the server responded with status \(status)", mayPass: [408, 429].contains(status) || status >= 500)
    }

    static let cutOff = HTTPError("the server closed the connection too early", mayPass: true)
}

/// Whether an error that `withResponse` threw is temporary, so that another attempt can succeed.
public func mayPass(_ error: any Error) -> Bool {
    switch error {
    case let error as HTTPError: error.mayPass
    case let error as OSError: error.isConnectionError
    case let error as TLSError: error.code == .truncated
    default: error is TimeoutError
    }
}
