internal import AsyncIOSystem
internal import SystemPackage

/// The terminal of a child that has one of its own: what the child prints is read here, and
/// what is written here the child gets as if somebody had typed it.
///
/// The terminal edits lines, echoes, and makes signals of Ctrl-C and its like, until the
/// child tells it otherwise. It turns a newline that the child prints into `\r\n`. The end of
/// the child's input is Ctrl-D (`"\u{4}"`) at the beginning of a line.
public final class PseudoTerminal {
    // Loop thread only: the class is not Sendable.
    private let descriptor: TerminalDescriptor
    private let channel: Connection
    /// What the child prints; it ends when nobody has the terminal open any more.
    public let reader: StreamReader
    /// What the child is to read.
    public let writer: StreamWriter

    init(_ descriptor: TerminalDescriptor, channel: Connection, limit: Int) throws(ValueError) {
        self.descriptor = descriptor
        self.channel = channel
        reader = try StreamReader(limit: limit, channel: channel)
        writer = StreamWriter(channel: channel, reader: reader)
    }

    /// Gives the terminal another size; the child gets ``Signal/windowChange``.
    ///
    /// - Throws: ``ValueError`` for a size that is none; ``OSError`` if the terminal is closed.
    public func resize(to size: TerminalSize) throws {
        guard size.isValid else { throw size.error }
        do {
            try descriptor.resize(columns: size.columns, rows: size.rows)
        } catch {
            throw OSError(error, "resizing a terminal")
        }
    }

    /// Closes this side: the child's terminal hangs up (SIGHUP).
    public func close() { channel.abort() }
}

extension TerminalSize {
    var isValid: Bool { 1...65_535 ~= columns && 1...65_535 ~= rows }
    var error: ValueError { ValueError("a terminal cannot have \(columns) columns and \(rows) rows") }
}
