/// An error reply from the server, such as `WRONGTYPE Operation against a key holding the wrong kind of value`.
///
/// redis-py: `ResponseError` and its subclasses.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first word of an error, which identifies its kind.
    public struct Code: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
        /// The word.
        public let rawValue: String
        /// Creates a code from its word.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Creates a code from its word.
        public init(stringLiteral value: String) { rawValue = value }
        /// The word.
        public var description: String { rawValue }

        /// An error without a specific code.
        public static let general: Code = "ERR"
        /// The key has a value of another type.
        public static let wrongType: Code = "WRONGTYPE"
        /// The server does not have the script.
        public static let noScript: Code = "NOSCRIPT"
        /// The server has no memory left for the command.
        public static let outOfMemory: Code = "OOM"
        /// The server is a replica, which cannot be written to.
        public static let readOnly: Code = "READONLY"
        /// The key belongs to another node of the cluster.
        public static let moved: Code = "MOVED"
        /// The key is being moved to another node of the cluster.
        public static let ask: Code = "ASK"
        /// The keys of the command belong to different slots of the cluster.
        public static let crossSlot: Code = "CROSSSLOT"
        /// The cluster cannot currently serve the key.
        public static let clusterDown: Code = "CLUSTERDOWN"
        /// Some keys of the command are being moved to another node of the cluster.
        public static let tryAgain: Code = "TRYAGAIN"
        /// The server is loading its data and is not ready yet.
        public static let loading: Code = "LOADING"
        /// The server is running a long script.
        public static let busy: Code = "BUSY"
        /// The replica has lost its master.
        public static let masterDown: Code = "MASTERDOWN"
        /// The server needs a password.
        public static let noAuthentication: Code = "NOAUTH"
        /// The user or the password is wrong.
        public static let wrongPassword: Code = "WRONGPASS"
        /// The user does not have permission.
        public static let noPermission: Code = "NOPERM"
        /// The transaction was not executed, because it contained an invalid command.
        public static let transactionAborted: Code = "EXECABORT"
        /// The consumer group already exists.
        public static let busyGroup: Code = "BUSYGROUP"
        /// The consumer group does not exist.
        public static let noGroup: Code = "NOGROUP"
        /// The server does not support this version of the protocol.
        public static let noProtocol: Code = "NOPROTO"
        /// Too few replicas are connected.
        public static let noReplicas: Code = "NOREPLICAS"
        /// The client was unblocked by `CLIENT UNBLOCK`, or because the server became a replica.
        public static let unblocked: Code = "UNBLOCKED"
    }

    /// The text that the server sent: the code and the message.
    public let text: String

    /// Creates an error from the text that a server sent.
    public init(_ text: String) { self.text = text }

    /// The first word, or `ERR` if the first word is not in capital letters.
    public var code: Code {
        let word = text.prefix { $0 != " " }
        let isCode = !word.isEmpty && word.utf8.allSatisfy { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) }
        return isCode ? Code(rawValue: String(word)) : .general
    }

    /// The text after the code.
    public var message: String {
        guard text.hasPrefix(code.rawValue) else { return text }
        return String(text.dropFirst(code.rawValue.count).drop { $0 == " " })
    }

    /// The text that the server sent.
    public var description: String { text }

    /// Whether the same command can succeed later. This is the case if the server is starting, is busy, or is currently
    /// not the master.
    var isPassing: Bool {
        [
            .loading, .readOnly, .masterDown, .clusterDown, .tryAgain, .busy, .noReplicas, .moved, .ask,
        ].contains(code)
    }

    /// Whether a command that failed with this error can succeed later.
    static func isPassing(_ error: any Error) -> Bool {
        if error is RedisConnectionError || error is RedisTimeoutError { return true }
        return (error as? RedisError)?.isPassing ?? false
    }

    /// Whether the server may have executed a command that failed with this error.
    static func mayHaveBeenExecuted(_ error: any Error) -> Bool {
        switch error {
        case let error as RedisConnectionError: error.mayHaveBeenExecuted
        case let error as RedisTimeoutError: error.mayHaveBeenExecuted
        default: false
        }
    }
}

/// An error thrown when the connection to a server was lost or could not be opened.
///
/// redis-py: `ConnectionError`.
public struct RedisConnectionError: Error, CustomStringConvertible {
    /// Whether the server may have executed the command. If `false`, the server did not execute it.
    public let mayHaveBeenExecuted: Bool
    /// A description of the failure.
    public let message: String
    /// The error that ended the connection, if any.
    public let underlyingError: (any Error)?

    init(_ message: String, mayHaveBeenExecuted: Bool, underlyingError: (any Error)? = nil) {
        self.message = message
        self.mayHaveBeenExecuted = mayHaveBeenExecuted
        self.underlyingError = underlyingError
    }

    /// A description of the failure, including whether the command may have been executed.
    public var description: String {
        let cause = underlyingError.map { ": \($0)" } ?? ""
        return "\(message)\(cause) (the command \(mayHaveBeenExecuted ? "may have been" : "was not") executed)"
    }
}

/// An error thrown when a server did not answer within the time limit.
///
/// redis-py: `TimeoutError`.
public struct RedisTimeoutError: Error, CustomStringConvertible {
    /// The time limit.
    public let limit: Duration
    /// Whether the server may have executed the command. If `false`, the server did not execute it.
    public let mayHaveBeenExecuted: Bool
    /// The operation that took too long.
    public let operation: String

    init(_ operation: String, _ limit: Duration, mayHaveBeenExecuted: Bool) {
        self.operation = operation
        self.limit = limit
        self.mayHaveBeenExecuted = mayHaveBeenExecuted
    }

    /// The operation that took too long, and the limit.
    public var description: String {
        "\(operation) took longer than \(limit) (the command \(mayHaveBeenExecuted ? "may have been" : "was not") executed)"
    }
}

/// An error thrown when a server sends data that is not valid RESP, or that exceeds a limit. The client closes the
/// connection.
///
/// redis-py: `InvalidResponse`.
public struct RedisProtocolError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A description of the problem.
    public let message: String
    init(_ message: String) { self.message = message }
    /// A description of the problem.
    public var description: String { message }
}

/// An error thrown when a value does not have the type that the program expected.
///
/// redis-py: none.
public struct RedisTypeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A description of the expected type.
    public let expected: String
    /// The value that the server sent.
    public let value: RedisValue

    /// Creates an error.
    public init(expected: String, value: RedisValue) {
        self.expected = expected
        self.value = value
    }

    /// The expected type and the received value, as text.
    public var description: String { "expected \(expected), but the server sent \(value.kind): \(value)" }
}
