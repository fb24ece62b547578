import AsyncIOSystem
// stdout and stderr are variables in C; nobody changes them here.
@preconcurrency @unsafe import Glibc

/// Standard output and error, as a person or a pipe sees them.
enum Terminal {
    /// Sends each line on its way when it ends, also into a pipe. Call it before the
    /// first one is printed.
    static func flushEveryLine() {
        // SAFETY: the C library's own buffer, set before its first use.
        unsafe setvbuf(stdout, nil, _IOLBF, 0)
    }

    /// Prints a line about the output, apart from it.
    static func note(_ line: String) {
        // SAFETY: the string lives until the call returns.
        unsafe fputs(line + "\n", stderr)
    }

    /// The columns of the terminal that standard output is; nil if it is none.
    static var width: Int? {
        guard Resources.isTerminal(STDOUT_FILENO) else { return nil }
        let width = Resources.terminalWidth(STDOUT_FILENO)
        return width > 0 ? width : 80
    }

    /// Writes over the line that the cursor is on.
    static func replaceLine(with text: String) {
        print("\r\u{1B}[K\(text)", terminator: "")
        // SAFETY: the C library's own stream.
        unsafe fflush(stdout)
    }
}
