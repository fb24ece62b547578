internal import AsyncIOSystem
internal import SystemPackage

/// The setup of a child process. The setup checks the settings and opens the descriptors, step by step. If a step
/// fails, the setup closes all descriptors that it has opened.
struct ChildSetup {
    private(set) var request: SpawnRequest
    /// This process's ends of the pipes, keyed by the child's descriptor.
    private(set) var pipes: [Int32: ByteDescriptor] = [:]
    private(set) var terminal: TerminalDescriptor?
    /// The child's ends of the pipes, until the child is started.
    private var childsEnds: [ByteDescriptor] = []

    /// The parameters that are common to all functions that start a child.
    struct Command {
        var program: SystemString
        var arguments: [SystemString]
        var streams: [SubprocessStream]
        /// The environment of the child, or nil for the environment of this process.
        var environment: [SystemString: SystemString]?
        var directory: SystemString?
        var options: SubprocessOptions

        init(
            _ program: any SystemStringConvertible, _ arguments: [any SystemStringConvertible],
            _ streams: [SubprocessStream], _ options: SubprocessOptions
        ) {
            self.program = program.systemString
            self.arguments = arguments.map(\.systemString)
            self.streams = streams
            environment = options.environment.map { variables in
                Dictionary(uniqueKeysWithValues: variables.map { (SystemString($0), $1.systemString) })
            }
            directory = options.directory?.systemString
            self.options = options
        }
    }

    init(_ command: Command) throws {
        let environment = command.environment ?? .inherited
        request = SpawnRequest(
            candidates: Self.candidates(command.program, path: environment["PATH"]),
            arguments: ([command.program] + command.arguments).map(\.bytes), environment: environment.entries)
        request.directory = command.directory?.bytes
        try Self.check(command, environment)
        try apply(command.options)
        if let size = command.options.terminal { try openTerminal(size) }
        for (target, stream) in command.streams.enumerated() { try connect(Int32(target), stream) }
        for (target, source) in command.options.descriptors.sorted(by: { $0.key < $1.key }) {
            request.descriptors.append((source, target))
        }
    }

    // MARK: Checks

    /// Returns the paths to try for a program, in the order in which a shell tries them.
    private static func candidates(_ program: SystemString, path: SystemString?) -> [[UInt8]] {
        let slash = UInt8(ascii: "/")
        if program.bytes.contains(slash) { return [program.bytes] }
        let path = path ?? "/bin:/usr/bin"
        return path.bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { ($0.isEmpty ? [UInt8(ascii: ".")] : Array($0)) + [slash] + program.bytes }
    }

    private static func check(
        _ command: Command, _ environment: [SystemString: SystemString]
    ) throws(ValueError) {
        let options = command.options
        let texts = [command.program, command.directory ?? ""] + command.arguments + environment.flatMap { [$0, $1] }
        guard !texts.contains(where: { $0.bytes.contains(0) }) else {
            throw ValueError("a program, its arguments, environment, and directory must not contain a zero byte")
        }
        guard !environment.keys.contains(where: { $0.bytes.isEmpty || $0.bytes.contains(UInt8(ascii: "=")) }) else {
            throw ValueError("the name of an environment variable must not be empty or contain a '='")
        }
        for (target, source) in options.descriptors where target < 3 || source < 0 {
            throw ValueError(
                "descriptor \(source) cannot become \(target) in the child; use an open descriptor and a number from 3"
            )
        }
        guard options.limit > 0 else {
            throw ValueError("limit must be positive, got \(options.limit)")
        }
        if let size = options.terminal, !size.isValid { throw size.error }
        if let signal = options.parentDeathSignal, !signal.isValid {
            throw ValueError("parentDeathSignal must be in 1...31 or 34...64, got \(signal.rawValue)")
        }
    }

    // MARK: Pieces

    private mutating func apply(_ options: SubprocessOptions) throws(ValueError) {
        request.hasNewSession = options.newSession || options.terminal != nil
        let group = options.processGroup?.number
        if let group {
            guard group >= 0 else { throw ValueError("processGroup must not be negative, got \(group)") }
            guard group == 0 || !request.hasNewSession else {
                throw ValueError("a child with a new session leads its own process group and cannot join \(group)")
            }
        }
        // The leader of a session already leads its group.
        request.processGroup = request.hasNewSession ? nil : group
        request.parentDeathSignal = options.parentDeathSignal?.rawValue ?? 0
        if let umask = options.umask { request.umask = Int32(umask.rawValue & 0o777) }
    }

    private mutating func openTerminal(_ size: TerminalSize) throws(OSError) {
        do {
            let (ours, childs) = try ChildDescriptors.terminal(columns: size.columns, rows: size.rows)
            terminal = ours
            childsEnds.append(childs)
            request.hasTerminal = true
            for target: Int32 in 0...2 { request.descriptors.append((childs.descriptor, target)) }
        } catch {
            throw OSError(error, "opening a pseudo-terminal")
        }
    }

    private mutating func connect(_ target: Int32, _ stream: SubprocessStream) throws {
        switch stream.kind {
        case .inherit: break
        case .pipe: try openPipe(target)
        case .devNull:
            do {
                let null = try ChildDescriptors.null()
                childsEnds.append(null)
                map(null.descriptor, to: target)
            } catch {
                throw OSError(error, "opening /dev/null")
            }
        case .stdout:
            guard target == 2 else { throw ValueError("only a child's stderr can be redirected to its stdout") }
            map(request.descriptors.first { $0.target == 1 }?.source ?? 1, to: 2)
        case .descriptor(let descriptor):
            guard descriptor >= 0 else { throw ValueError("descriptor must not be negative, got \(descriptor)") }
            map(descriptor, to: target)
        }
    }

    private mutating func openPipe(_ target: Int32) throws(OSError) {
        do {
            let (reader, writer) = try ChildDescriptors.pipe()
            let (ours, childs) = target == 0 ? (writer, reader) : (reader, writer)
            pipes[target] = ours
            childsEnds.append(childs)
            map(childs.descriptor, to: target)
        } catch {
            throw OSError(error, "opening a pipe")
        }
    }

    private mutating func map(_ source: Int32, to target: Int32) {
        request.descriptors.removeAll { $0.target == target }
        request.descriptors.append((source, target))
    }

    // MARK: Starting

    /// Starts the child, and closes the child's ends of the pipes in this process, so that these ends are open only in
    /// the child.
    mutating func start(name: String, on loop: EventLoop) throws -> ChildProcess {
        defer { for end in childsEnds { end.close() } }
        return try ChildProcess(request, name: name, on: loop)
    }
}

extension [SystemString: SystemString] {
    /// The environment variables of this process.
    static var inherited: Self {
        Dictionary(
            ProcessEnvironment.current.map { (SystemString(bytes: $0.name), SystemString(bytes: $0.value)) },
            // The C library finds the first one.
            uniquingKeysWith: { first, _ in first })
    }

    /// The variables in the form `NAME=value`.
    var entries: [[UInt8]] { map { $0.bytes + [UInt8(ascii: "=")] + $1.bytes } }
}
