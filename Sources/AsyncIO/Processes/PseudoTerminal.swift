internal import AsyncIOSystem
internal import SystemPackage

/// The terminal of a child that has its own pseudo-terminal. Reading returns the output of the child, and the child
/// receives written bytes as typed input.
///
/// Until the child changes the terminal's settings, the terminal edits lines, echoes input, and converts Ctrl-C and
/// similar keys to signals. The terminal converts each newline that the child prints into `\r\n`. To end the child's
/// input, write Ctrl-D (`"\u{4}"`) at the beginning of a line.
public final class PseudoTerminal {
    // Loop thread only: the class is not Sendable.
    private let descriptor: TerminalDescriptor
    private let channel: Connection
    /// The child's output. The output ends when no process has the terminal open.
    public let reader: StreamReader
    /// The child's input.
    public let writer: StreamWriter

    init(_ descriptor: TerminalDescriptor, channel: Connection, limit: Int) throws(ValueError) {
        self.descriptor = descriptor
        self.channel = channel
        reader = try StreamReader(limit: limit, channel: channel)
        writer = StreamWriter(channel: channel, reader: reader)
    }

    /// Changes the size of the terminal. The child receives ``ProcessSignal/windowChange``.
    ///
    /// - Throws: ``ValueError`` if the size is out of range; ``OSError`` if the terminal is closed.
    public func resize(to size: TerminalSize) throws {
        guard size.isValid else { throw size.error }
        do {
            try descriptor.resize(columns: size.columns, rows: size.rows)
        } catch {
            throw OSError(error, "resizing a terminal")
        }
    }

    /// Closes this side of the terminal. The child receives SIGHUP.
    public func close() { channel.abort() }
}

extension TerminalSize {
    var isValid: Bool { 1...65_535 ~= columns && 1...65_535 ~= rows }
    var error: ValueError { ValueError("columns and rows must be in 1...65535, got \(columns) and \(rows)") }
}
