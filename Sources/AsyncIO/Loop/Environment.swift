internal import Glibc

enum Environment {
    /// Whether `ASYNCIO_DEBUG` is set and not empty.
    static let debug = value(of: "ASYNCIO_DEBUG") != nil

    /// The value of `ASYNCIO_BACKEND`, which selects the backend of a loop if the program does not select one.
    static let backend = value(of: "ASYNCIO_BACKEND")

    /// The value of `ASYNCIO_FILES`, which selects the engine for file operations.
    static let files = value(of: "ASYNCIO_FILES")

    /// The value of `ASYNCIO_WATCHDOG`, which is the number of seconds after which a loop counts as blocked. The value
    /// is nil if blocked loops are not reported.
    static let blockedThreshold: Duration? = {
        guard let text = value(of: "ASYNCIO_WATCHDOG") else { return .seconds(1) }
        guard let seconds = Double(text), seconds > 0 else { return nil }
        // The limit is about a century, which is practically forever and fits into a `Duration`.
        return .seconds(min(seconds, 3e9))
    }()

    /// Whether `ASYNCIO_INSPECT` is set and neither empty nor 0.
    static let inspect = value(of: "ASYNCIO_INSPECT").map { $0 != "0" } ?? false

    /// Returns the value of a variable, or nil if the variable is unset or empty.
    static func value(of name: String) -> String? {
        // SAFETY: the text is copied immediately, before other code can change it.
        guard let value = unsafe getenv(name), unsafe value[0] != 0 else { return nil }
        return unsafe String(cString: value)
    }
}
