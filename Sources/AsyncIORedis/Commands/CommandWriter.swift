/// Writes the parts of commands to memory.
//
// A command consists of many small parts. Checking the room for each byte would take most of the time, so the array's
// `write(_:_:)` checks the room for all parts once.
@unsafe
struct CommandWriter {
    // SAFETY: the memory belongs to the array that creates the writer, for the duration of `body`.
    private var next: UnsafeMutablePointer<UInt8>

    /// - Parameter start: Memory with room for everything that will be written.
    fileprivate init(_ start: UnsafeMutablePointer<UInt8>) { unsafe next = start }

    /// The number of bytes that were written after `start`.
    fileprivate func count(since start: UnsafeMutablePointer<UInt8>) -> Int { unsafe next - start }

    /// Writes the beginning of a string or an array: its kind, its size, and a line end.
    @inline(__always)
    mutating func putHeader(_ kind: UInt8, _ size: Int) {
        unsafe put(kind)
        unsafe put(size)
        unsafe putLineEnd()
    }

    @inline(__always)
    mutating func putLineEnd() {
        unsafe put(0x0D as UInt8)
        unsafe put(0x0A as UInt8)
    }

    @inline(__always)
    mutating func put(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { source in
            guard let start = source.baseAddress else { return }
            unsafe next.initialize(from: start, count: source.count)
            unsafe next += source.count
        }
    }

    /// Writes a number in decimal.
    @inline(__always)
    mutating func put(_ number: Int) {
        if 0..<10 ~= number { return unsafe put(0x30 &+ UInt8(truncatingIfNeeded: number)) }
        unsafe putDigits(of: number)
    }

    private mutating func putDigits(of number: Int) {
        let size = Decimal.size(of: number)
        var rest = number.magnitude
        if number < 0 { unsafe next[0] = 0x2D }
        var index = size - 1
        repeat {
            unsafe next[index] = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        } while rest > 0
        unsafe next += size
    }

    @inline(__always)
    private mutating func put(_ byte: UInt8) {
        unsafe next.pointee = byte
        unsafe next += 1
    }
}

extension [UInt8] {
    /// Appends bytes that `body` writes.
    ///
    /// - Parameters:
    ///   - size: The number of bytes that `body` writes.
    ///   - body: A closure that writes the bytes.
    @inline(__always)
    mutating func write(_ size: Int, _ body: (inout CommandWriter) -> Void) {
        append(addingCapacity: size) { (output: inout OutputSpan<UInt8>) in
            // SAFETY: the memory has room for `size` bytes, and the callers compute this size from the data that they
            // write.
            unsafe output.withUnsafeMutableBufferPointer { memory, count in
                guard let start = memory.baseAddress else { return }
                var writer = unsafe CommandWriter(start)
                unsafe body(&writer)
                count = unsafe writer.count(since: start)
            }
        }
    }
}

/// Calculations for writing numbers in decimal.
enum Decimal {
    /// Returns the number of characters in the decimal form of a number, including the sign.
    @inline(__always)
    static func size(of number: Int) -> Int {
        if 0..<10 ~= number { return 1 }
        var size = number < 0 ? 2 : 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            size &+= 1
        }
        return size
    }
}
