/// A signal of the operating system.
///
/// To create a signal that has no constant here, use its number: `ProcessSignal(rawValue: SIGRTMIN + 3)`.
///
/// asyncio: `signal.SIGINT` and similar constants.
public struct ProcessSignal: RawRepresentable, Hashable, Sendable {
    /// The number of the signal.
    public let rawValue: Int32
    /// Creates a signal from its number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// SIGHUP: the terminal was closed. By convention, this signal makes a server reread its configuration.
    public static let hangUp = ProcessSignal(rawValue: 1)
    /// SIGINT: the user has pressed Ctrl-C.
    public static let interrupt = ProcessSignal(rawValue: 2)
    /// SIGQUIT: the user has pressed Ctrl-\\.
    public static let quit = ProcessSignal(rawValue: 3)
    /// SIGABRT: the process aborts.
    public static let abort = ProcessSignal(rawValue: 6)
    /// SIGKILL: ends a process. The process cannot prevent this.
    public static let kill = ProcessSignal(rawValue: 9)
    /// SIGUSR1: the program defines the meaning.
    public static let user1 = ProcessSignal(rawValue: 10)
    /// SIGUSR2: the program defines the meaning.
    public static let user2 = ProcessSignal(rawValue: 12)
    /// SIGPIPE: data was written to a pipe or socket that has no reader.
    public static let brokenPipe = ProcessSignal(rawValue: 13)
    /// SIGALRM: a system timer has expired.
    public static let alarm = ProcessSignal(rawValue: 14)
    /// SIGTERM: asks a process to end.
    public static let terminate = ProcessSignal(rawValue: 15)
    /// SIGCHLD: a child process has ended.
    public static let child = ProcessSignal(rawValue: 17)
    /// SIGCONT: a stopped process continues.
    public static let `continue` = ProcessSignal(rawValue: 18)
    /// SIGSTOP: stops a process. The process cannot prevent this.
    public static let stop = ProcessSignal(rawValue: 19)
    /// SIGTSTP: the user has pressed Ctrl-Z.
    public static let terminalStop = ProcessSignal(rawValue: 20)
    /// SIGWINCH: the size of the terminal has changed.
    public static let windowChange = ProcessSignal(rawValue: 28)

    /// Whether programs can use the signal. The C library reserves signals 32 and 33.
    var isValid: Bool { (1...31).contains(rawValue) || (34...64).contains(rawValue) }
}

extension ProcessSignal: CustomStringConvertible {
    private static let names: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 28: "SIGWINCH",
    ]

    /// The name of the signal, or its number if it has no name.
    public var description: String { Self.names[rawValue] ?? "signal \(rawValue)" }
}
