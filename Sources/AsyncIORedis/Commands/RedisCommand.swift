/// A command with its arguments, ready to be sent.
///
/// ```swift
/// var command = RedisCommand("LPUSH", key)
/// for line in lines { command.append(line) }
/// let length = try await redis.send(command).integer
/// ```
///
/// The arguments are encoded when they are appended, so a command can be sent several times at no cost but the copy.
///
/// redis-py: the arguments of `execute_command`.
public struct RedisCommand: Sendable, Hashable {
    /// How long to wait for the reply.
    public enum TimeLimit: Sendable, Hashable {
        /// As long as ``RedisConfiguration/commandTimeout`` says.
        case standard
        /// Without a limit, for commands that block on the server.
        case none
        /// As long as this.
        case after(Duration)
    }

    /// The name and the arguments, each as a bulk string.
    @usableFromInline var encoded: [UInt8]
    /// The number of bulk strings in `encoded`.
    @usableFromInline var count: Int
    /// How long to wait for the reply.
    public var timeLimit = TimeLimit.standard

    /// Creates a list of arguments without a name.
    init() {
        encoded = []
        count = 0
    }

    /// Creates a command without arguments.
    ///
    /// - Parameter name: The name, such as `PING`. Names of two words are sent as two arguments.
    @inlinable
    public init(_ name: String) {
        encoded = []
        count = 0
        append(name)
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

    /// Appends a text in UTF-8.
    public mutating func append(_ text: String) {
        let size = text.utf8.count
        appendHeader(size)
        encoded.append(contentsOf: text.utf8)
        encoded.append(0x0D)
        encoded.append(0x0A)
    }

    /// Appends bytes.
    public mutating func append(bytes: ArraySlice<UInt8>) {
        appendHeader(bytes.count)
        encoded.append(contentsOf: bytes)
        encoded.append(0x0D)
        encoded.append(0x0A)
    }

    /// Appends a number in decimal.
    public mutating func append(_ number: Int) {
        appendHeader(Decimal.size(of: number))
        Decimal.append(number, to: &encoded)
        encoded.append(0x0D)
        encoded.append(0x0A)
    }

    private mutating func appendHeader(_ size: Int) {
        count += 1
        encoded.append(0x24)
        Decimal.append(size, to: &encoded)
        encoded.append(0x0D)
        encoded.append(0x0A)
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

    /// The range of the bulk string that begins at an offset, which moves behind it.
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

/// Numbers as decimal digits.
enum Decimal {
    static func size(of number: Int) -> Int {
        var size = number < 0 ? 2 : 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            size += 1
        }
        return size
    }

    static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(0x2D) }
        append(magnitude: number.magnitude, to: &bytes)
    }

    private static func append(magnitude: UInt, to bytes: inout [UInt8]) {
        if magnitude >= 10 { append(magnitude: magnitude / 10, to: &bytes) }
        bytes.append(0x30 + UInt8(truncatingIfNeeded: magnitude % 10))
    }
}
