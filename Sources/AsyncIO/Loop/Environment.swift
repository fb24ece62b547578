internal import Glibc

enum Environment {
    /// `ASYNCIO_DEBUG` is set, and not empty.
    static let debug = value(of: "ASYNCIO_DEBUG")?.isEmpty == false

    /// `ASYNCIO_BACKEND`: what a loop waits with if the program does not say.
    static let backend = value(of: "ASYNCIO_BACKEND")

    /// `ASYNCIO_FILES`: what does the work of files.
    static let files = value(of: "ASYNCIO_FILES")

    private static func value(of name: String) -> String? {
        // SAFETY: read once, before anybody could have a reason to change it.
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}
