/// Returns a line as text without its newline, for the sequences of lines of streams and files. Invalid UTF-8
/// is replaced with U+FFFD.
///
/// - Parameter line: A line with its newline, which can be missing from the last line; empty at the end.
/// - Returns: The text, or nil at the end.
@inline(__always)
func textOfLine(_ line: consuming [UInt8]) -> String? {
    if line.isEmpty { return nil }
    if line.last == 0x0A { line.removeLast() }
    return String(decoding: line, as: UTF8.self)
}
