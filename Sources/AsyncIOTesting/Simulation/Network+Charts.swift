internal import AsyncIO

// Presents a trace as readable text and in the formats of other tools.

extension Network {
    /// Returns the latest events as a chart, with a column for each host and an arrow for each message that was sent.
    ///
    /// ```text
    ///        time  test    db      web-0
    ///    0.000412    .       o       .     started
    ///    0.001030    .       <-------+     #1 connects
    /// ```
    ///
    /// - Parameter count: The maximum number of events.
    public func timeline(last count: Int = 60) -> String {
        let shown = events.suffix(count)
        var lines = [TimelineRow.header(hosts.map(\.name))]
        if shown.count < eventCount { lines.append("  (\(eventCount - shown.count) earlier events)") }
        for event in shown { lines.append(TimelineRow(event, hosts.map(\.name)).text) }
        return lines.joined(separator: "\n")
    }

    /// The stored events as a sequence diagram in Mermaid syntax.
    public var mermaidDiagram: String {
        let names = hosts.map(\.name)
        var lines = ["sequenceDiagram"]
        for name in names { lines.append("    participant \(Self.identifier(name)) as \(name)") }
        for event in events {
            let time = NetworkEvent.seconds(event.time)
            let text = Self.escapedForMermaid("\(time) \(event.connectionMark)\(event.summary)")
            let host = Self.identifier(event.host)
            if let peer = event.peer, peer != event.host {
                if event.kind.isArrival { continue }
                lines.append("    \(host)\(event.kind.isLoss ? "-x" : "->>")\(Self.identifier(peer)): \(text)")
            } else {
                lines.append("    Note over \(host): \(text)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func identifier(_ name: String) -> String {
        "h_" + String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    private static func escapedForMermaid(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if ";#:".unicodeScalars.contains(scalar) {
                result += "#\(scalar.value);"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The stored events in the format that Perfetto and Chrome's `about:tracing` open, with a process for each host
    /// and arrows for messages.
    public var perfettoTrace: String {
        let numbers = Dictionary(uniqueKeysWithValues: hosts.map { ($0.name, Int64($0.number)) })
        var entries = hosts.map { host in
            JSON.object([
                ("ph", "M"), ("name", "process_name"), ("pid", .int(Int64(host.number))),
                ("args", .object([("name", .string(host.name))])),
            ])
        }
        // Messages of a connection arrive in order, in each direction.
        var flows: [String: [Int64]] = [:]
        for (index, event) in events.enumerated() {
            let place: [(String, JSON)] = [
                ("pid", .int(numbers[event.host] ?? 0)), ("tid", .int(Int64(event.connection))),
                ("ts", .int(Int64(event.time / .microseconds(1)))),
            ]
            let text = event.connectionMark + event.summary
            entries.append(
                .object(
                    [("ph", "X"), ("name", .string(text)), ("cat", .string(event.kind.rawValue)), ("dur", 1)] + place))
            guard let peer = event.peer, event.connection > 0 else { continue }
            if event.kind == .sends {
                flows["\(event.host) \(peer) \(event.connection)", default: []].append(Int64(index))
                entries.append(Self.flow("s", Int64(index), place))
            } else if event.kind == .receives {
                let flow = "\(peer) \(event.host) \(event.connection)"
                guard let start = flows[flow]?.first else { continue }
                flows[flow]?.removeFirst()
                entries.append(Self.flow("f", start, place))
            }
        }
        return JSON.object([("traceEvents", .array(entries))]).text
    }

    /// Returns the beginning or the end of a message's arrow.
    private static func flow(_ phase: JSON, _ id: Int64, _ place: [(String, JSON)]) -> JSON {
        .object([("ph", phase), ("bp", "e"), ("name", "message"), ("cat", "message"), ("id", .int(id))] + place)
    }
}

extension NetworkEvent {
    fileprivate var connectionMark: String { connection > 0 ? "#\(connection) " : "" }
}

extension NetworkEvent.Kind {
    /// Whether the event is the arrival of a message that was sent in an earlier event.
    fileprivate var isArrival: Bool { self == .receives || self == .receivesDatagram }
    fileprivate var isLoss: Bool { self == .loses || self == .losesDatagram || self == .cut }
}

/// A line of a timeline.
private struct TimelineRow {
    private let event: NetworkEvent
    private let hosts: [String]

    init(_ event: NetworkEvent, _ hosts: [String]) { (self.event, self.hosts) = (event, hosts) }

    private static let timeWidth = 14

    private static func width(_ hosts: [String]) -> Int { max(6, (hosts.map(\.count).max() ?? 0) + 2) }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func header(_ hosts: [String]) -> String {
        var line = padded("         time", timeWidth) + "  "
        for host in hosts { line += padded(host, width(hosts)) }
        while line.last == " " { line.removeLast() }
        return line
    }

    var text: String {
        let width = Self.width(hosts)
        var cells = [Character](repeating: " ", count: width * hosts.count)
        for index in hosts.indices { cells[index * width + 1] = "." }
        let from = (hosts.firstIndex(of: event.host) ?? 0) * width + 1
        if let peer = event.peer.flatMap(hosts.firstIndex(of:)), !event.kind.isArrival, peer * width + 1 != from {
            draw(from, to: peer * width + 1, &cells)
        } else {
            cells[from] = event.kind.isArrival ? "o" : "*"
        }
        return Self.padded(event.paddedTime, Self.timeWidth) + "  " + String(cells) + " "
            + event.connectionMark + event.summary
    }

    private func draw(_ from: Int, to: Int, _ cells: inout [Character]) {
        for index in min(from, to)...max(from, to) { cells[index] = "-" }
        cells[from] = "+"
        cells[to] = event.kind.isLoss ? "x" : to > from ? ">" : "<"
    }
}
