/// An event in a simulated ``Network``.
///
/// The trace of a run is a list of events. The same seed gives the same list, byte for byte. As text, an event is one
/// line: the time in seconds, the hosts, the number of the connection, what happened, the number of bytes, and the
/// first bytes.
///
/// ```text
///      1.000012 web-0 -> db #3 sends 12 bytes "GET counter\n"
/// ```
public struct NetworkEvent: Sendable {
    /// The kinds of events.
    public enum Kind: String, Sendable, CaseIterable {
        /// The program of a host was started.
        case started
        /// The main function of a host's program returned or threw an error.
        case ended
        /// The program of a host was killed, or its power failed.
        case crashed
        /// The program of a host was paused, or resumed.
        case paused, resumed
        /// A connection was requested.
        case connects
        /// A connection was established.
        case connected
        /// A connection was refused.
        case refused
        /// A connection, or an attempt to establish one, timed out.
        case timedOut = "times out"
        /// Bytes were sent.
        case sends
        /// Bytes arrived.
        case receives
        /// Bytes were lost, and will be sent again later.
        case loses
        /// One end closed its sending half.
        case ends
        /// One end reset the connection.
        case resets
        /// A datagram was sent.
        case sendsDatagram = "sends a datagram:"
        /// A datagram arrived.
        case receivesDatagram = "receives a datagram:"
        /// A datagram was lost.
        case losesDatagram = "loses a datagram:"
        /// A datagram was duplicated.
        case duplicatesDatagram = "duplicates a datagram:"
        /// The route from one host to another was cut.
        case cut
        /// The route from one host to another was restored.
        case restored
        /// A host or the test added a note; see ``Network/note(_:)``.
        case note
    }

    /// The virtual time since the beginning of the run.
    public let time: Duration
    /// The kind of the event.
    public let kind: Kind
    /// The name of the host on which the event occurred.
    public let host: String
    /// The name of the other host, or `nil` if only one host is involved.
    public let peer: String?
    /// The number of the connection, starting from 1, or 0 if the event belongs to no connection.
    public let connection: Int
    /// The number of bytes.
    public let count: Int
    /// The first bytes, or the text of a note.
    let content: [UInt8]
}

extension NetworkEvent: CustomStringConvertible {
    /// The event as one line.
    public var description: String {
        "\(paddedTime) \(host)\(peer.map { " -> \($0)" } ?? "")\(connection > 0 ? " #\(connection)" : "") \(summary)"
    }

    /// A description of the event, without the hosts.
    var summary: String {
        if kind == .note { return String(decoding: content, as: UTF8.self) }
        guard count > 0 else { return kind.rawValue }
        let text = String(decoding: content, as: UTF8.self).debugDescription
        return "\(kind.rawValue) \(count) \(count == 1 ? "byte" : "bytes") \(text)\(count > content.count ? "…" : "")"
    }

    /// The maximum number of stored bytes for each message.
    static let previewSize = 40

    /// The time, padded so that the decimal points of several lines are aligned.
    var paddedTime: String {
        let text = Self.seconds(time)
        return String(repeating: " ", count: max(0, 13 - text.count)) + text
    }

    static func seconds(_ time: Duration) -> String {
        let microseconds = Int(time / .microseconds(1))
        return "\(microseconds / 1_000_000)." + String(microseconds % 1_000_000 + 1_000_000).dropFirst()
    }
}
