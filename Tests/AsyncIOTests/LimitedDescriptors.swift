import Glibc

/// Makes the process run out of descriptors.
enum LimitedDescriptors {
    /// While `body` runs, leaves room for exactly what `open` opens.
    static func whileOneIsLeft<T, U>(_ open: () throws -> T, _ body: (T) async throws -> U) async throws -> U {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        defer { setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) }
        let next = dup(0)
        close(next)
        var lowered = limit
        lowered.rlim_cur = rlim_t(next + 1)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &lowered)
        return try await body(open())
    }
}
