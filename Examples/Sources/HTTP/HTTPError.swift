internal import AsyncIO

/// The server's refusal, or an answer that makes no sense.
public struct HTTPError: Error, CustomStringConvertible {
    public let description: String
    /// Whether another attempt may succeed.
    public let mayPass: Bool

    init(_ description: String, mayPass: Bool = false) { (self.description, self.mayPass) = (description, mayPass) }

    init(status: Int) {
        self.init("the server answers with status \(status)", mayPass: [408, 429].contains(status) || status >= 500)
    }

    static let cutOff = HTTPError("the server ended the connection too early", mayPass: true)
}

/// Whether what `withResponse` has thrown may not happen the next time.
public func mayPass(_ error: any Error) -> Bool {
    switch error {
    case let error as HTTPError: error.mayPass
    case let error as OSError: error.isConnectionError
    case let error as TLSError: error.code == .truncated
    default: error is TimeoutError
    }
}
