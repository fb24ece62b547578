/// A command and its arguments, ready to be sent.
///
/// ```swift
/// var command = RedisCommand("LPUSH", key)
/// for line in lines { command.append(line) }
/// let length = try await redis.send(command).integer
/// ```
///
/// The arguments are encoded when they are appended, so a command can be sent several times without being encoded
/// again.
///
/// redis-py: the arguments of `execute_command`.
public struct RedisCommand: Sendable, Hashable {
    /// The time limit for the reply.
    public enum TimeLimit: Sendable, Hashable {
        /// The limit in ``RedisConfiguration/commandTimeout``.
        case standard
        /// No limit, for commands that block on the server.
        case none
        /// The given limit.
        case after(Duration)
    }

    /// The name and the arguments as the server reads them: bulk strings, without the header of the array.
    private(set) var encoded: [UInt8]
    /// The number of bulk strings in `encoded`.
    private(set) var count = 0
    /// The time limit for the reply.
    public var timeLimit = TimeLimit.standard

    /// Creates a list of arguments without a name.
    init() {
        encoded = []
        encoded.reserveCapacity(Self.initialCapacity)
    }

    /// A capacity that is enough for most commands. Even with the array's header, malloc treats the block as small.
    private static let initialCapacity = 88

    /// Creates a command without arguments.
    ///
    /// - Parameter name: The name, such as `PING`. A name that consists of two words is sent as two arguments.
    public init(_ name: String) {
        self.init()
        append(name)
    }

    // Initializers for frequent cases, which need no parameter pack.

    /// Creates a command with an argument.
    @inlinable
    public init(_ name: String, _ argument: some RedisArgument) {
        self.init(name)
        argument.append(to: &self)
    }

    /// Creates a command with two arguments.
    @inlinable
    public init(_ name: String, _ first: some RedisArgument, _ second: some RedisArgument) {
        self.init(name)
        first.append(to: &self)
        second.append(to: &self)
    }

    /// Creates a command with arguments.
    ///
    /// - Parameters:
    ///   - name: The name, such as `SET`.
    ///   - arguments: The arguments.
    @inlinable
    public init<each Argument: RedisArgument>(_ name: String, _ arguments: repeat each Argument) {
        self.init(name)
        for argument in repeat each arguments { argument.append(to: &self) }
    }

    /// Creates a command from a list of arguments.
    public init(_ name: String, arguments: [any RedisArgument]) {
        self.init(name)
        for argument in arguments { argument.append(to: &self) }
    }

    // MARK: Appending arguments

    /// Appends an argument.
    @inlinable
    public mutating func append(_ argument: some RedisArgument) { argument.append(to: &self) }

    /// Appends each element as an argument.
    @inlinable
    public mutating func append(contentsOf arguments: some Sequence<some RedisArgument>) {
        for argument in arguments { argument.append(to: &self) }
    }

    /// Appends text in UTF-8.
    public mutating func append(_ text: String) { append(text.utf8.span) }

    /// Appends bytes.
    public mutating func append(bytes: ArraySlice<UInt8>) { append(bytes.span) }

    /// Appends a number in decimal.
    public mutating func append(_ number: Int) {
        count += 1
        let size = Decimal.size(of: number)
        // SAFETY: the reserved size covers the kind, the size, two line ends, and the string.
        unsafe encoded.write(Decimal.size(of: size) + size + 5) { writer in
            unsafe writer.putHeader(0x24, size)
            unsafe writer.put(number)
            unsafe writer.putLineEnd()
        }
    }

    /// Appends bytes.
    @usableFromInline
    mutating func append(_ bytes: Span<UInt8>) {
        count += 1
        let size = bytes.count
        // SAFETY: the reserved size covers the kind, the size, two line ends, and the string.
        unsafe encoded.write(Decimal.size(of: size) + size + 5) { writer in
            unsafe writer.putHeader(0x24, size)
            unsafe writer.put(bytes)
            unsafe writer.putLineEnd()
        }
    }

    // MARK: Sending

    /// Appends the command to the output: an array of bulk strings.
    @inline(__always)
    func write(to outgoing: inout [UInt8]) {
        let (bytes, count) = (encoded.span, count)
        // SAFETY: the reserved size covers the kind, the count, a line end, and the strings.
        unsafe outgoing.write(Decimal.size(of: count) + 3 + bytes.count) { writer in
            unsafe writer.putHeader(0x2A, count)
            unsafe writer.put(bytes)
        }
    }

    // MARK: Reading

    /// The name and the arguments.
    ///
    /// - Complexity: O(*n*), where *n* is the number of bytes.
    var words: [[UInt8]] {
        var words: [[UInt8]] = []
        words.reserveCapacity(count)
        var at = 0
        while words.count < count, let word = word(&at) { words.append(Array(encoded[word])) }
        return words
    }

    /// Returns the range of the bulk string that begins at an offset, and moves the offset past the string.
    func word(_ at: inout Int) -> Range<Int>? {
        var size = 0
        var index = at + 1
        while index < encoded.count, encoded[index] != 0x0D {
            size = size * 10 + Int(encoded[index] - 0x30)
            index += 1
        }
        let start = index + 2
        guard start + size + 2 <= encoded.count else { return nil }
        at = start + size + 2
        return start..<start + size
    }

    /// The name in capital letters.
    public var name: String {
        var at = 0
        guard let range = word(&at) else { return "" }
        return String(decoding: encoded[range].lazy.map { (0x61...0x7A).contains($0) ? $0 - 32 : $0 }, as: UTF8.self)
    }
}
