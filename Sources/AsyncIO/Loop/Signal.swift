/// A signal of the operating system.
///
/// Those without a name here have a number: `Signal(rawValue: SIGRTMIN + 3)`.
///
/// asyncio: `signal.SIGINT` and the like.
public struct Signal: RawRepresentable, Hashable, Sendable {
    /// The system's number.
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The terminal is gone; to servers: read your configuration again. SIGHUP.
    public static let hangUp = Signal(rawValue: 1)
    /// Ctrl-C. SIGINT.
    public static let interrupt = Signal(rawValue: 2)
    /// Ctrl-\\. SIGQUIT.
    public static let quit = Signal(rawValue: 3)
    /// SIGABRT.
    public static let abort = Signal(rawValue: 6)
    /// Ends a process, which cannot prevent it. SIGKILL.
    public static let kill = Signal(rawValue: 9)
    /// SIGUSR1.
    public static let user1 = Signal(rawValue: 10)
    /// SIGUSR2.
    public static let user2 = Signal(rawValue: 12)
    /// Nobody reads what was written. SIGPIPE.
    public static let brokenPipe = Signal(rawValue: 13)
    /// SIGALRM.
    public static let alarm = Signal(rawValue: 14)
    /// Asks a process to end. SIGTERM.
    public static let terminate = Signal(rawValue: 15)
    /// A child has ended. SIGCHLD.
    public static let child = Signal(rawValue: 17)
    /// SIGCONT.
    public static let `continue` = Signal(rawValue: 18)
    /// Stops a process, which cannot prevent it. SIGSTOP.
    public static let stop = Signal(rawValue: 19)
    /// Ctrl-Z. SIGTSTP.
    public static let terminalStop = Signal(rawValue: 20)
    /// The terminal has another size. SIGWINCH.
    public static let windowChange = Signal(rawValue: 28)

    /// Whether the system lets programs use the number: the C library keeps 32 and 33.
    var isValid: Bool { (1...31).contains(rawValue) || (34...64).contains(rawValue) }
}

extension Signal: CustomStringConvertible {
    private static let names: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 28: "SIGWINCH",
    ]

    public var description: String { Self.names[rawValue] ?? "signal \(rawValue)" }
}
