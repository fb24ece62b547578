internal import Glibc

enum Environment {
    /// `ASYNCIO_DEBUG` is set, and not empty.
    static let debug: Bool = {
        // SAFETY: read once, before anybody could have a reason to change it.
        guard let value = unsafe getenv("ASYNCIO_DEBUG") else { return false }
        return unsafe value[0] != 0
    }()
}
