import AsyncIOSystem
// stdout and stderr are variables in C, but nothing changes them here.
@preconcurrency @unsafe import Glibc

/// Output to standard output and standard error, for terminals and pipes.
enum Terminal {
    /// Flushes standard output after each line, even if it is a pipe. Call this method before the program prints
    /// anything.
    static func flushEveryLine() {
        // SAFETY: this is the C library's own buffer, and it is set before its first use.
        unsafe setvbuf(stdout, nil, _IOLBF, 0)
    }

    /// Prints a line about the output to standard error.
    static func note(_ line: String) {
        // SAFETY: the string is alive until the call returns.
        unsafe fputs(line + "\n", stderr)
    }

    /// The width of the terminal in columns, or nil if standard output is not a terminal.
    static var width: Int? {
        guard Resources.isTerminal(STDOUT_FILENO) else { return nil }
        let width = Resources.terminalWidth(STDOUT_FILENO)
        return width > 0 ? width : 80
    }

    /// Whether standard output is a terminal that shows colors, and the user wants colors.
    static var showsColors: Bool {
        guard width != nil else { return false }
        // SAFETY: nothing changes the environment, and the string is copied at once.
        let kind = unsafe getenv("TERM").map { unsafe String(cString: $0) }
        return unsafe getenv("NO_COLOR") == nil && kind != "dumb"
    }

    /// Overwrites the current line.
    static func replaceLine(with text: String) {
        print("\r\u{1B}[K\(text)", terminator: "")
        // SAFETY: this is the C library's own stream.
        unsafe fflush(stdout)
    }
}
