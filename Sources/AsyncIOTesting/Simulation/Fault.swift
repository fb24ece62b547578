/// A temporary fault in a simulated ``Network``; see ``Network/injectFaults(_:kinds:on:within:)``.
public struct Fault: Sendable, CustomStringConvertible {
    /// The kinds of faults.
    public enum Kind: String, Sendable, CaseIterable {
        /// Two hosts cannot reach each other.
        case partition
        /// One host cannot reach another host, but the other host can still reach it.
        case oneWayPartition = "one-way partition"
        /// Messages between two hosts take one second longer.
        case slowLink = "slow link"
        /// Some messages between two hosts are lost.
        case loss
        /// The program of a host is killed, and later restarted.
        case kill
        /// The power of a host fails, and later returns.
        case powerFailure = "power failure"
        /// The program of a host is paused, and later resumed.
        case pause
        /// The wall clock of a host is wrong.
        case clockSkew = "clock skew"
    }

    /// The number of the fault in the test, starting from 0.
    public let number: Int
    /// The kind of the fault.
    public let kind: Kind
    /// The time at which the fault begins, measured from the call to ``Network/injectFaults(_:kinds:on:within:)``.
    public let start: Duration
    /// How long the fault lasts.
    public let duration: Duration
    /// The name of the affected host.
    public let host: String
    /// The name of the other host, or `nil` if the fault affects only one host.
    public let peer: String?

    /// The fault as one line.
    public var description: String {
        let arrow = kind == .oneWayPartition ? "->" : "-"
        let place = peer.map { "\(host) \(arrow) \($0)" } ?? host
        let (begin, end) = (NetworkEvent.seconds(start), NetworkEvent.seconds(start + duration))
        return "\(number): \(kind.rawValue) of \(place), \(begin) s to \(end) s"
    }
}

extension Fault.Kind {
    var isBetweenTwo: Bool {
        switch self {
        case .partition, .oneWayPartition, .slowLink, .loss: true
        case .kill, .powerFailure, .pause, .clockSkew: false
        }
    }
}
