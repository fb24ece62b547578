import AsyncIO
import SystemPackage

/// The messages that the clients send. Each message is a line with its newline.
struct Messages {
    private enum Source {
        /// Lines that are generated when they are sent.
        case madeUp
        /// The lines of a file.
        case lines([[UInt8]])
    }

    private let source: Source
    /// The number of messages.
    let count: Int
    /// The length of the longest line that a stream must accept, in bytes.
    let limit: Int

    /// Generates a hundred different lines for each client.
    static func madeUp(clients: Int) -> Messages {
        Messages(.madeUp, count: clients * 100)
    }

    /// Reads the lines of a file.
    static func lines(ofFile path: String) async throws -> Messages {
        let bytes = try await toThread { try contents(ofFile: path) }
        let lines = bytes.split(separator: newline, omittingEmptySubsequences: false).map { Array($0) + [newline] }
        // The text after the last newline counts as a line only if it is not empty.
        let messages = lines.last?.count == 1 ? lines.dropLast() : lines[...]
        guard !messages.isEmpty else { throw Failure("\(path): the file has no lines") }
        return Messages(.lines(Array(messages)), count: messages.count, longest: messages.map(\.count).max() ?? 0)
    }

    private init(_ source: Source, count: Int, longest: Int = 0) {
        self.source = source
        self.count = count
        limit = max(StreamReader.defaultLimit, longest)
    }

    /// Returns one client's share of the messages. Each message is sent once, by one client.
    func of(client: Int, among clients: Int) -> some Sequence<[UInt8]> {
        let indices = stride(from: client, to: count, by: clients)
        return indices.lazy.map { index in
            switch source {
            case .madeUp: Array("message \(index) of client \(client)\n".utf8)
            case .lines(let lines): lines[index]
            }
        }
    }
}

private nonisolated let newline = UInt8(ascii: "\n")

/// Reads a file, which blocks the thread.
private nonisolated func contents(ofFile path: String) throws -> [UInt8] {
    do {
        let file = try FileDescriptor.open(FilePath(path), .readOnly)
        return try file.closeAfter {
            var contents: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                // SAFETY: the buffer belongs to `part` and is valid for the duration of the call.
                let count = try unsafe part.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
                if count == 0 { return contents }
                contents += part[..<count]
            }
        }
    } catch let error as Errno {
        throw Failure("\(path): \(error)")
    }
}
