internal import Glibc

enum Environment {
    /// `ASYNCIO_SEED`: the one seed to run under.
    static var seed: UInt64? {
        // SAFETY: the text is copied before anybody could change the environment.
        guard let text = unsafe getenv("ASYNCIO_SEED") else { return nil }
        return unsafe UInt64(String(cString: text))
    }
}
