/// Returns a line as text without its newline. Invalid UTF-8 is replaced with U+FFFD. Streams and files use this
/// function for their sequences of lines.
///
/// - Parameter line: A line with its newline. The last line may have no newline. The array is empty at the end of the
///   input.
/// - Returns: The text, or nil at the end of the input.
@inline(__always)
func textOfLine(_ line: consuming [UInt8]) -> String? {
    if line.isEmpty { return nil }
    if line.last == 0x0A { line.removeLast() }
    return String(decoding: line, as: UTF8.self)
}
