internal import AsyncIOSystem
internal import Glibc

/// The terminal, set up for a live view. It shows the alternate screen without a cursor, and reads keys without waiting
/// for Enter. The terminal is restored when the program exits.
struct Terminal {
    struct Size {
        var columns: Int
        var rows: Int
    }

    static var size: Size {
        guard let size = Resources.terminalSize(STDOUT_FILENO), size.columns > 0, size.rows > 0
        else { return Size(columns: 100, rows: 30) }
        return Size(columns: size.columns, rows: size.rows)
    }

    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    // SAFETY: this variable is written once, before it is read, and is used only on the program's single thread.
    private nonisolated(unsafe) static var original = termios()

    static func takeOver() {
        unsafe tcgetattr(STDIN_FILENO, &original)
        var raw = unsafe original
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        atexit { Terminal.giveBack() }
        for number in [SIGTERM, SIGHUP] { signal(number) { _ in exit(1) } }
        write("\u{1B}[?1049h\u{1B}[?25l")
    }

    private static func giveBack() {
        write("\u{1B}[?25h\u{1B}[?1049l")
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &original)
    }

    static func write(_ text: String) { asyncio_tool.write(text, to: STDOUT_FILENO) }

    /// A key press.
    enum Key {
        case character(Character)
        case up, down, pageUp, pageDown, end
    }

    /// Returns the next key, or nil if none is pressed in time.
    static func key(within milliseconds: Int32) -> Key? {
        var poller = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&poller, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 16)
        // SAFETY: the call reads at most as many bytes as the array holds.
        let count = unsafe read(STDIN_FILENO, &bytes, bytes.count)
        guard count > 0 else { return .end }
        switch Array(bytes[..<count]) {
        case [0x1B, 0x5B, 0x41]: return .up
        case [0x1B, 0x5B, 0x42]: return .down
        case [0x1B, 0x5B, 0x35, 0x7E]: return .pageUp
        case [0x1B, 0x5B, 0x36, 0x7E]: return .pageDown
        case [3], [0x1B]: return .end
        default: return .character(Character(UnicodeScalar(bytes[0])))
        }
    }
}

/// Writes text to a descriptor. Stops early if the descriptor reports an error.
func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
        var sent = 0
        while sent < bytes.count {
            // SAFETY: the buffer contains the bytes from `sent` to its end.
            let count = unsafe Glibc.write(descriptor, bytes.baseAddress.unsafelyUnwrapped + sent, bytes.count - sent)
            if count < 0, errno != EINTR { return }
            sent += max(0, count)
        }
    }
}
