internal import AsyncIO
internal import AsyncIOSystem

/// The distribution of random durations over a range.
public struct LatencyDistribution: Sendable, Hashable {
    fileprivate enum Shape: Hashable { case uniform, exponential, longTail }
    fileprivate let shape: Shape

    /// Every duration in the range is equally likely.
    public static let uniform = LatencyDistribution(shape: .uniform)
    /// Most durations are near the lower bound of the range. One in a hundred durations is above the upper bound.
    public static let exponential = LatencyDistribution(shape: .exponential)
    /// Most durations are near the lower bound of the range. One in fifty durations is above the upper bound. The
    /// maximum duration is the lower bound plus ten times the width of the range.
    public static let longTail = LatencyDistribution(shape: .longTail)
}

/// The route from one host to another, in one direction. Loop thread only.
final class Route {
    struct Settings {
        var latency = DurationRange(.microseconds(100)...(.microseconds(500)))
        var distribution = LatencyDistribution.uniform
        /// The bandwidth in bytes per second, or nil for no limit.
        var bandwidth: Int?
        var loss = 0.0
        var duplication = 0.0
        var reordering = 0.0

        static let loopback = Settings(latency: DurationRange(.microseconds(10)...(.microseconds(20))))
    }

    let from: Host
    let to: Host
    var settings: Settings
    var isCut = false
    /// The messages that are held back until the route is released, or nil if the route is not held.
    var held: [() -> Void]?

    /// The time at which the route will have sent all of its messages, in nanoseconds.
    private var freeAt: Int64 = 0

    init(from: Host, to: Host, _ settings: Settings) { (self.from, self.to, self.settings) = (from, to, settings) }

    /// Returns how long a message of this size takes, in nanoseconds, if the message is sent now.
    func delay(of size: Int, now: Int64, _ random: inout SeededGenerator) -> Int64 {
        guard let bandwidth = settings.bandwidth else { return sample(&random) }
        freeAt = max(now, freeAt) + Int64(size) * 1_000_000_000 / Int64(bandwidth)
        return freeAt - now + sample(&random)
    }

    func duration(_ random: inout SeededGenerator) -> Duration { .nanoseconds(sample(&random)) }

    /// Returns a random latency, in nanoseconds.
    func sample(_ random: inout SeededGenerator) -> Int64 {
        settings.latency.sample(settings.distribution, using: &random)
    }
}

/// A range of durations, in nanoseconds.
struct DurationRange {
    let range: ClosedRange<Duration>
    private let low: Int64
    private let span: Int64

    init(_ range: ClosedRange<Duration>) {
        self.range = range
        low = range.lowerBound.roundedUpNanoseconds
        span = range.upperBound.roundedUpNanoseconds - low
    }

    /// Returns a random duration, in nanoseconds.
    func sample(_ distribution: LatencyDistribution = .uniform, using random: inout SeededGenerator) -> Int64 {
        if span <= 0 { return low }
        let x = random.fraction()
        let part: Double =
            switch distribution.shape {
            case .uniform: x
            // The quantile function, scaled so that 99 of 100 durations are within the range.
            case .exponential: -logarithm(1 - x) / 4.605
            case .longTail: x < 0.98 ? x * 0.2 : 1 + (x - 0.98) * 450
            }
        return max(0, low + Int64(part * Double(span)))
    }
}

/// Returns the natural logarithm. Unlike the C library's function, this series gives the same result on every machine.
private func logarithm(_ x: Double) -> Double {
    let y = (x.significand - 1) / (x.significand + 1)
    var term = y
    var sum = 0.0
    for n in stride(from: 1, through: 41, by: 2) {
        sum += term / Double(n)
        term *= y * y
    }
    return 2 * sum + Double(x.exponent) * 0.6931471805599453
}

/// The routes between simulated hosts, and their settings.
///
/// ```swift
/// net.link(web, db).latency = .milliseconds(5)...(.milliseconds(40))
/// net.link(web, db).loss = 0.01
/// ```
///
/// A change applies to all routes of the link. The link includes both directions, unless you requested a link in one
/// direction. Reading a setting returns the setting of the first route.
public struct Link {
    let routes: [Route]
    let network: Network
    /// Whether changes also apply to routes that are first used later.
    var includesLater = false

    private var first: Route.Settings { routes.first?.settings ?? network.initialRoute }

    private func change(_ body: (inout Route.Settings) -> Void) {
        for route in routes { body(&route.settings) }
        if includesLater { body(&network.initialRoute) }
    }

    /// The time that a message takes, in addition to the time that ``bandwidth`` requires. The default is 100 to 500
    /// microseconds.
    public var latency: ClosedRange<Duration> {
        get { first.latency.range }
        nonmutating set {
            precondition(newValue.lowerBound >= .zero, "a latency must not be negative, got \(newValue)")
            change { $0.latency = DurationRange(newValue) }
        }
    }

    /// The distribution of latencies over the range ``latency``. The default is ``LatencyDistribution/uniform``.
    public var distribution: LatencyDistribution {
        get { first.distribution }
        nonmutating set { change { $0.distribution = newValue } }
    }

    /// The maximum number of bytes per second in each direction, or `nil` for no limit, which is the default.
    public var bandwidth: Int? {
        get { first.bandwidth }
        nonmutating set {
            precondition(newValue ?? 1 > 0, "a bandwidth must be positive, got \(newValue ?? 0)")
            change { $0.bandwidth = newValue }
        }
    }

    /// The probability, from 0 to 1, that a packet is lost. A lost datagram does not arrive. TCP sends lost bytes
    /// again, which takes at least 200 milliseconds.
    public var loss: Double {
        get { first.loss }
        nonmutating set { change { $0.loss = checked(newValue) } }
    }

    /// The probability, from 0 to 1, that a datagram arrives twice.
    public var duplication: Double {
        get { first.duplication }
        nonmutating set { change { $0.duplication = checked(newValue) } }
    }

    /// The probability, from 0 to 1, that a datagram is delayed, so that later datagrams can overtake it.
    public var reordering: Double {
        get { first.reordering }
        nonmutating set { change { $0.reordering = checked(newValue) } }
    }

    private func checked(_ probability: Double) -> Double {
        precondition((0...1).contains(probability), "a probability must be in 0...1, got \(probability)")
        return probability
    }

    /// Whether the routes are cut, so that no messages pass; see ``Network/partition(_:from:isOneWay:for:)``.
    public var isCut: Bool {
        get { routes.first?.isCut ?? false }
        nonmutating set { network.setCut(newValue, of: routes) }
    }

    /// Holds back all messages that arrive from now on, until ``release()`` is called. No messages are lost.
    public func hold() { for route in routes where route.held == nil { route.held = [] } }

    /// Delivers the messages that were held back, in order.
    public func release() {
        for route in routes {
            guard let held = route.held else { continue }
            route.held = nil
            for message in held { message() }
        }
    }
}
