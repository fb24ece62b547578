/// A command and its arguments, ready to be sent.
///
/// ```swift
/// var command = RedisCommand("LPUSH", key)
/// for line in lines { command.append(line) }
/// let length = try await redis.send(command).integer
/// ```
///
/// The arguments are encoded when they are appended, so a command can be sent several times without encoding it again.
///
/// redis-py: the arguments of `execute_command`.
public struct RedisCommand: Sendable, Hashable {
    /// The time limit for the reply.
    public enum TimeLimit: Sendable, Hashable {
        /// The limit in ``RedisConfiguration/commandTimeout``.
        case standard
        /// No limit, for commands that block on the server.
        case none
        /// This limit.
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

    /// Enough for most commands. With the header of the array, malloc still treats the block as a small one.
    private static let initialCapacity = 88

    /// Creates a command without arguments.
    ///
    /// - Parameter name: The name, such as `PING`. Names of two words are sent as two arguments.
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
        let size = Decimal.size(of: number)
        appendString(size) { Decimal.append(number, to: &$0) }
    }

    /// Appends bytes.
    @usableFromInline
    mutating func append(_ bytes: Span<UInt8>) { appendString(bytes.count) { $0.append(copying: bytes) } }

    /// Appends a bulk string. All of it is written in one step, so the array is checked only once.
    @inline(__always)
    private mutating func appendString(_ size: Int, _ write: (inout OutputSpan<UInt8>) -> Void) {
        count += 1
        encoded.append(addingCapacity: Decimal.size(of: size) + size + 5) { (bytes: inout OutputSpan<UInt8>) in
            bytes.append(0x24)
            Decimal.append(size, to: &bytes)
            bytes.appendLineEnd()
            write(&bytes)
            bytes.appendLineEnd()
        }
    }

    // MARK: Sending

    /// Appends the command to the output: an array of bulk strings.
    @inline(__always)
    func write(to outgoing: inout [UInt8]) {
        outgoing.append(addingCapacity: encoded.count + Decimal.mostDigits + 3) { (bytes: inout OutputSpan<UInt8>) in
            bytes.append(0x2A)
            Decimal.append(count, to: &bytes)
            bytes.appendLineEnd()
            bytes.append(copying: encoded.span)
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

extension OutputSpan<UInt8> {
    @inline(__always)
    fileprivate mutating func appendLineEnd() {
        append(0x0D)
        append(0x0A)
    }

    /// - Precondition: There is room for the bytes.
    @inline(__always)
    fileprivate mutating func append(copying bytes: Span<UInt8>) {
        precondition(bytes.count <= freeCapacity)
        // SAFETY: there is room, and the two pieces of memory do not overlap, because this one is borrowed mutably.
        unsafe withUnsafeMutableBufferPointer { memory, count in
            unsafe bytes.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress, let end = memory.baseAddress else { return }
                unsafe (end + count).initialize(from: base, count: source.count)
                count += source.count
            }
        }
    }
}

/// Numbers as decimal digits.
enum Decimal {
    /// The size of the longest number, with its sign.
    static let mostDigits = 20

    static func size(of number: Int) -> Int {
        var size = number < 0 ? 2 : 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            size += 1
        }
        return size
    }

    @inline(__always)
    static func append(_ number: Int, to bytes: inout OutputSpan<UInt8>) {
        if 0..<10 ~= number { return bytes.append(0x30 &+ UInt8(truncatingIfNeeded: number)) }
        appendLong(number, to: &bytes)
    }

    private static func appendLong(_ number: Int, to bytes: inout OutputSpan<UInt8>) {
        if number < 0 { bytes.append(0x2D) }
        append(magnitude: number.magnitude, to: &bytes)
    }

    private static func append(magnitude: UInt, to bytes: inout OutputSpan<UInt8>) {
        if magnitude >= 10 { append(magnitude: magnitude / 10, to: &bytes) }
        bytes.append(0x30 &+ UInt8(truncatingIfNeeded: magnitude % 10))
    }
}
