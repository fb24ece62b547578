internal import Glibc
package import SystemPackage

/// The limits that the operating system sets for this process, and the resources that the process uses.
package enum Resources {
    /// The maximum number of descriptors that the process can have open, and the value to which the process can raise
    /// this maximum.
    package static func descriptorLimit() throws(Errno) -> (soft: UInt64, hard: UInt64) {
        let limit = try limit()
        return (UInt64(limit.rlim_cur), UInt64(limit.rlim_max))
    }

    package static func setDescriptorLimit(_ soft: UInt64) throws(Errno) {
        var limit = try limit()
        limit.rlim_cur = rlim_t(soft)
        // SAFETY: the system reads the variable.
        try attempt { unsafe setrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) }
    }

    private static func limit() throws(Errno) -> rlimit {
        var limit = rlimit()
        // SAFETY: the system writes to the variable.
        try attempt { unsafe getrlimit(Int32(RLIMIT_NOFILE.rawValue), &limit) }
        return limit
    }

    /// The peak resident memory of this process, in bytes.
    //
    // The value does not come from getrusage, because that value survives exec and would be that of `swift run`.
    package static var peakMemory: UInt64 {
        let line = contents(ofFile: "/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { UInt64($0) }
        return (kilobytes ?? 0) * 1024
    }

    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The number of columns of a terminal, or 0 if the descriptor does not belong to a terminal.
    package static func terminalWidth(_ descriptor: Int32) -> Int { terminalSize(descriptor)?.columns ?? 0 }

    /// The size of a terminal, or nil if the descriptor does not belong to a terminal.
    package static func terminalSize(_ descriptor: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        // SAFETY: the system writes to the variable.
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
