internal import Glibc

enum Environment {
    /// The only seed to use, which the environment variable `ASYNCIO_SEED` sets.
    static var seed: UInt64? {
        // SAFETY: the text is copied before other code can change the environment.
        guard let text = unsafe getenv("ASYNCIO_SEED") else { return nil }
        return unsafe UInt64(String(cString: text))
    }

    /// The numbers of the only faults that take effect in a simulation. The environment variable `ASYNCIO_FAULTS`
    /// contains these numbers, separated by commas.
    static var faults: Set<Int>? {
        // SAFETY: the text is copied before other code can change the environment.
        guard let text = unsafe getenv("ASYNCIO_FAULTS") else { return nil }
        return Set(unsafe String(cString: text).split(separator: ",").compactMap { Int($0) })
    }

    /// The directory for temporary files.
    static var temporaryDirectory: String {
        // SAFETY: the text is copied before other code can change the environment.
        guard let text = unsafe getenv("TMPDIR") else { return "/tmp" }
        return unsafe String(cString: text)
    }

    /// Whether this process is being traced, for example by a debugger or strace.
    static var isDebugged: Bool {
        guard let file = unsafe fopen("/proc/self/status", "re") else { return false }
        defer { _ = unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while unsafe fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.hasPrefix("TracerPid:") { return !text.contains("\t0\n") }
        }
        return false
    }
}
