internal import Glibc

enum Environment {
    /// Whether `ASYNCIO_DEBUG` is set and not empty.
    static let debug = value(of: "ASYNCIO_DEBUG") != nil

    /// `ASYNCIO_BACKEND`: the backend of a loop if the program does not choose one.
    static let backend = value(of: "ASYNCIO_BACKEND")

    /// `ASYNCIO_FILES`: the engine for file operations.
    static let files = value(of: "ASYNCIO_FILES")

    /// `ASYNCIO_WATCHDOG`: the number of seconds after which a loop counts as blocked, or nil if no loop is reported as
    /// blocked.
    static let blockedThreshold: Duration? = {
        guard let text = value(of: "ASYNCIO_WATCHDOG") else { return .seconds(1) }
        guard let seconds = Double(text), seconds > 0 else { return nil }
        // A century is as good as forever, and fits.
        return .seconds(min(seconds, 3e9))
    }()

    /// Whether `ASYNCIO_INSPECT` is set and neither empty nor 0.
    static let inspect = value(of: "ASYNCIO_INSPECT").map { $0 != "0" } ?? false

    /// Returns the value of a variable, or nil if it is not set or empty.
    static func value(of name: String) -> String? {
        // SAFETY: the text is copied at once, before anything can change it.
        guard let value = unsafe getenv(name), unsafe value[0] != 0 else { return nil }
        return unsafe String(cString: value)
    }
}
