/// Where one of a child's standard streams leads.
public struct SubprocessStream: Sendable {
    enum Kind: Equatable {
        case inherit
        case pipe
        case devNull
        case stdout
        case descriptor(Int32)
    }

    let kind: Kind

    /// Where this process's own leads; to the terminal, if the child has one of its own.
    ///
    /// asyncio: `None`.
    public static let inherit = SubprocessStream(kind: .inherit)
    /// To this process, through a pipe.
    ///
    /// asyncio: `subprocess.PIPE`.
    public static let pipe = SubprocessStream(kind: .pipe)
    /// Nowhere.
    ///
    /// asyncio: `subprocess.DEVNULL`.
    public static let devNull = SubprocessStream(kind: .devNull)
    /// Where the child's standard output leads; for its standard error only.
    ///
    /// asyncio: `subprocess.STDOUT`.
    public static let stdout = SubprocessStream(kind: .stdout)
    /// To an open descriptor of this process, which stays the caller's.
    public static func descriptor(_ descriptor: Int32) -> SubprocessStream {
        SubprocessStream(kind: .descriptor(descriptor))
    }
}

/// The size of a terminal, in characters.
public struct TerminalSize: Sendable, Equatable {
    public var columns: Int
    public var rows: Int

    public init(columns: Int = 80, rows: Int = 24) {
        self.columns = columns
        self.rows = rows
    }
}

/// What few children need.
///
/// asyncio: the further arguments of `subprocess.Popen`.
public struct SubprocessOptions: Sendable {
    /// A child's process group.
    public struct ProcessGroup: Sendable {
        let number: Int32?
        /// This process's.
        public static let inherited = ProcessGroup(number: nil)
        /// One of its own, which its children join: ``Subprocess/sendSignal(_:toGroup:)`` reaches
        /// all of them.
        public static let new = ProcessGroup(number: 0)
        /// One that there is already, in this session.
        public static func joining(_ group: Int32) -> ProcessGroup { ProcessGroup(number: group) }
    }

    /// The child's process group.
    ///
    /// asyncio: `process_group`.
    public var processGroup = ProcessGroup.inherited
    /// Whether the child leads a session, and with it a process group, of its own.
    ///
    /// asyncio: `start_new_session`.
    public var newSession = false
    /// Descriptors that the child gets beside its standard streams: the child's number for
    /// each, and which of this process's it is. All others are closed in the child.
    ///
    /// asyncio: `pass_fds`, which keeps the numbers.
    public var descriptors: [Int32: Int32] = [:]
    /// A pseudo-terminal for the child, in a session of its own: every stream that would be
    /// inherited leads to it. See ``Subprocess/terminal``.
    public var terminal: TerminalSize?
    /// What the child gets when the thread that started it ends, which is the loop's; nil
    /// for nothing.
    public var parentDeathSignal: Signal?
    /// The permissions that files which the child makes do not have; nil for this process's.
    ///
    /// asyncio: `umask`.
    public var umask: UInt16?
    /// How long a line of the child's streams may be, in bytes.
    public var limit = defaultStreamLimit

    public init() {}
}
