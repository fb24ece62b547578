public import SystemPackage

/// The source or destination of a child's standard input, output, or error.
public struct SubprocessStream: Sendable {
    enum Kind: Equatable {
        case inherit
        case pipe
        case devNull
        case stdout
        case descriptor(Int32)
    }

    let kind: Kind

    /// The corresponding stream of this process, or the child's own terminal if the child has one.
    ///
    /// asyncio: `None`.
    public static let inherit = SubprocessStream(kind: .inherit)
    /// A pipe to or from this process.
    ///
    /// asyncio: `subprocess.PIPE`.
    public static let pipe = SubprocessStream(kind: .pipe)
    /// The null device `/dev/null`.
    ///
    /// asyncio: `subprocess.DEVNULL`.
    public static let devNull = SubprocessStream(kind: .devNull)
    /// The destination of the child's standard output. Only standard error can use this value.
    ///
    /// asyncio: `subprocess.STDOUT`.
    public static let stdout = SubprocessStream(kind: .stdout)
    /// An open descriptor of this process. You still own the descriptor and must close it.
    ///
    /// asyncio: a file descriptor.
    public static func descriptor(_ descriptor: some FileDescriptorConvertible) -> SubprocessStream {
        SubprocessStream(kind: .descriptor(descriptor.number))
    }
}

/// The size of a terminal, in characters.
public struct TerminalSize: Sendable, Equatable {
    /// The number of columns, from 1 to 65535.
    public var columns: Int
    /// The number of rows, from 1 to 65535.
    public var rows: Int

    /// Creates a size.
    ///
    /// - Parameters:
    ///   - columns: The number of columns.
    ///   - rows: The number of rows.
    public init(columns: Int = 80, rows: Int = 24) {
        self.columns = columns
        self.rows = rows
    }
}

/// Settings that most subprocesses do not need; see ``createSubprocess(_:arguments:stdin:stdout:stderr:options:)``.
///
/// ```swift
/// let process = try await createSubprocess("make", options: .init(directory: "/usr/src/linux", newSession: true))
/// ```
///
/// asyncio: the other arguments of `subprocess.Popen`.
public struct SubprocessOptions: Sendable {
    /// The process group of a child.
    public struct ProcessGroup: Sendable {
        let number: Int32?
        /// The process group of this process.
        public static let inherited = ProcessGroup(number: nil)
        /// A new process group, which the child's own children join. ``AsyncSubprocess/sendSignal(_:toGroup:)`` can
        /// send a signal to the whole group.
        public static let new = ProcessGroup(number: 0)
        /// An existing process group in this process's session.
        public static func joining(_ group: Int32) -> ProcessGroup { ProcessGroup(number: group) }
    }

    /// All environment variables of the child, or `nil` for the variables of this process. To add variables, merge them
    /// into ``AsyncSubprocess/inheritedEnvironment``.
    ///
    /// asyncio: `env`.
    public var environment: [String: any SystemStringConvertible]?
    /// The child's working directory, or `nil` for the working directory of this process.
    ///
    /// asyncio: `cwd`.
    public var directory: (any SystemStringConvertible)?
    /// The child's process group, or `nil` for the default. The default is the group of this process, or a new group
    /// for a command line that ``withSubprocess(shell:stdin:stdout:stderr:options:grace:isolation:_:)`` runs.
    ///
    /// asyncio: `process_group`.
    public var processGroup: ProcessGroup?
    /// Whether the child leads a new session, and therefore a new process group.
    ///
    /// asyncio: `start_new_session`.
    public var newSession: Bool
    /// Descriptors that the child receives in addition to its standard streams. Each key is the descriptor's number in
    /// the child, and each value is the descriptor in this process. All other descriptors are closed in the child.
    ///
    /// asyncio: `pass_fds`, which does not change the numbers.
    public var descriptors: [Int32: Int32]
    /// The size of a pseudo-terminal for the child, or `nil` to run the child without its own terminal. With a
    /// terminal, the child leads a new session, and every stream that would be inherited is connected to the terminal.
    /// See ``AsyncSubprocess/terminal``.
    public var terminal: TerminalSize?
    /// The signal that the child receives when the loop's thread ends, or `nil` for no signal.
    public var parentDeathSignal: ProcessSignal?
    /// The permissions that are removed from files that the child creates, or `nil` for this process's mask.
    ///
    /// asyncio: `umask`.
    public var umask: FilePermissions?
    /// The maximum length of a line from the child's streams, in bytes.
    ///
    /// asyncio: `limit`.
    public var limit: Int

    /// Creates options. For the meaning of each parameter, see the property with the same name.
    public init(
        environment: [String: any SystemStringConvertible]? = nil, directory: (any SystemStringConvertible)? = nil,
        processGroup: ProcessGroup? = nil, newSession: Bool = false, descriptors: [Int32: Int32] = [:],
        terminal: TerminalSize? = nil, parentDeathSignal: ProcessSignal? = nil, umask: FilePermissions? = nil,
        limit: Int = StreamReader.defaultLimit
    ) {
        self.environment = environment
        self.directory = directory
        self.processGroup = processGroup
        self.newSession = newSession
        self.descriptors = descriptors
        self.terminal = terminal
        self.parentDeathSignal = parentDeathSignal
        self.umask = umask
        self.limit = limit
    }
}
