/// A value that can be an argument of a command: text, bytes, or a number.
public protocol RedisArgument {
    /// Appends the value to a command as one argument.
    func append(to command: inout RedisCommand)
}

extension RedisArgument {
    /// The bytes of the argument.
    var redisBytes: [UInt8] {
        var command = RedisCommand()
        append(to: &command)
        return command.words[0]
    }
}

extension String: RedisArgument {
    /// Appends the text in UTF-8.
    @inlinable
    public func append(to command: inout RedisCommand) { command.append(self) }
}

extension Substring: RedisArgument {
    /// Appends the text in UTF-8.
    public func append(to command: inout RedisCommand) { command.append(utf8.span) }
}

extension [UInt8]: RedisArgument {
    /// Appends the bytes.
    @inlinable
    public func append(to command: inout RedisCommand) { command.append(span) }
}

extension ArraySlice<UInt8>: RedisArgument {
    /// Appends the bytes.
    @inlinable
    public func append(to command: inout RedisCommand) { command.append(span) }
}

extension RedisArgument where Self: BinaryInteger {
    /// Appends the number in decimal.
    public func append(to command: inout RedisCommand) { command.append("\(self)") }
}

extension Int: RedisArgument {
    /// Appends the number in decimal.
    public func append(to command: inout RedisCommand) { command.append(self) }
}
extension Int8: RedisArgument {}
extension Int16: RedisArgument {}
extension Int32: RedisArgument {}
extension Int64: RedisArgument {}
extension UInt: RedisArgument {}
extension UInt8: RedisArgument {}
extension UInt16: RedisArgument {}
extension UInt32: RedisArgument {}
extension UInt64: RedisArgument {}

extension Double: RedisArgument {
    /// Appends the number in decimal, with enough digits to restore the exact value. Infinity is appended as `inf` or
    /// `-inf`.
    public func append(to command: inout RedisCommand) { command.append("\(self)") }
}

extension Float: RedisArgument {
    /// Appends the number in decimal, with enough digits to restore the exact value.
    public func append(to command: inout RedisCommand) { command.append("\(self)") }
}
