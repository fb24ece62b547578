public import AsyncIO
internal import AsyncIOSystem

// # A network in one process
//
// All hosts of a simulation run on one loop in virtual time. The loop's network is this object instead of the
// system's (`NetworkStack`), and so are its disks. The object knows when each message arrives, and schedules that on
// the loop; everything between two messages is the program's own code.
//
//     program -> StreamWriter -> SimulatedConnection -> TCPEnd -> Link's route -> timer of the loop
//     program <- StreamReader <- SimulatedConnection <- TCPEnd <----------------------+
//
// Nothing depends on real time, on addresses in memory, or on the order of a hash table, and all random numbers come
// from one seed. So the same seed gives the same run.

/// A network of simulated hosts, in a test.
///
/// ```swift
/// @Test(.simulation(seeds: 200)) func theClusterSurvivesAPartition() async throws {
///     let net = try Network.current
///     let db = try net.host("db") { try await runDatabase(port: 5432) }
///     let web = try net.host("web", count: 3) { try await runWeb(database: "db:5432") }
///     net.link(web, db).latency = .milliseconds(5)...(.milliseconds(40))
///     try await net.partition([web[0]], from: [db], for: .seconds(30))
///     try await net.crash(db)
///     try await net.restart(db)
///     …
/// }
/// ```
///
/// The programs are production code, unchanged: `startServer`, `openConnection`, transports and protocols, datagrams,
/// Unix sockets, TLS, `openFile` and its kin use the simulated network and the host's simulated disk. Names of hosts
/// resolve to their addresses. The test itself runs on a host with the name `test`. Subprocesses, `sock…` functions,
/// pipes, and other descriptors of the system throw a `RuntimeError`.
///
/// See ``Testing/Trait/simulation(seeds:duration:shufflesTasks:)`` for tests with Swift Testing, and ``simulate(seed:duration:shufflesTasks:_:)`` for
/// all others.
public final class Network {
    unowned let loop: EventLoop
    /// The seed that decides everything random.
    public let seed: UInt64
    var random: SeededGenerator
    var trace = NetworkTrace()

    private(set) var hosts: [Host] = []
    private var hostsByAddress: [SystemAddress: Host] = [:]
    private var addressesByName: [String: [SystemAddress]] = [:]
    private var routes: [RouteID: Route] = [:]
    /// The settings of routes that are used for the first time.
    var initialRoute = Route.Settings()
    var failingNames: Set<String> = []
    private var connectionCount = 0
    /// The number of faults that were injected, and the numbers of those that take effect; nil for all.
    var faults: [Fault] = []
    var activeFaults: Set<Int>?

    struct RouteID: Hashable {
        let from: Int
        let to: Int
    }

    init(on loop: EventLoop, seed: UInt64) {
        self.loop = loop
        self.seed = seed
        // Not the same numbers as those of the schedule.
        random = SeededGenerator(seed: ~seed)
        let test = Host("test", index: 0, number: 0, families: [.ipv4, .ipv6], in: self, program: nil)
        add(test, group: nil)
        loop.networkStack = self
        loop.setSimulatedHosts(self)
    }

    /// The network of the simulation that runs.
    ///
    /// - Throws: `RuntimeError` outside of a simulation.
    public static var current: Network {
        get throws(RuntimeError) {
            guard let network = try EventLoop.running.networkStack as? Network else {
                throw RuntimeError(
                    "no network is simulated here; give the test the trait .simulation, or use simulate { }")
            }
            return network
        }
    }

    // MARK: Hosts

    /// Adds a host and starts its program.
    ///
    /// The host stops when `program` returns or throws. An error other than `CancellationError` is reported to the
    /// loop's exception handler, which fails the test.
    ///
    /// - Parameters:
    ///   - name: The name of the host, to which other hosts can connect.
    ///   - families: The kinds of addresses that the host has.
    ///   - program: The main function. It is called again when the host is restarted.
    /// - Throws: `ValueError` if another host has the same name.
    @discardableResult
    public func host(
        _ name: String, families: Set<Endpoint.Family> = [.ipv4], isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID, line: UInt = #line, _ program: @escaping () async throws -> Void
    ) throws(ValueError) -> Host {
        try makeHosts([name], group: nil, families, isolation, fileID, line, program)[0]
    }

    /// Adds several hosts with the same program, with the names `name-0`, `name-1`, and so on.
    ///
    /// The name without a number resolves to the addresses of all of them.
    @discardableResult
    public func host(
        _ name: String, count: Int, families: Set<Endpoint.Family> = [.ipv4],
        isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
        _ program: @escaping () async throws -> Void
    ) throws(ValueError) -> [Host] {
        let names = (0..<max(0, count)).map { "\(name)-\($0)" }
        return try makeHosts(names, group: name, families, isolation, fileID, line, program)
    }

    private func makeHosts(
        _ names: [String], group: String?, _ families: Set<Endpoint.Family>, _ isolation: isolated (any Actor)?,
        _ fileID: StaticString, _ line: UInt, _ program: @escaping () async throws -> Void
    ) throws(ValueError) -> [Host] {
        if families.isEmpty { throw ValueError("a host needs at least one kind of addresses, got none") }
        for name in names + [group].compactMap(\.self) where addressesByName[name] != nil || name.isEmpty {
            throw ValueError("the name of a host must be new and not empty, got \(name.debugDescription)")
        }
        let new = names.enumerated().map { index, name in
            Host(name, index: index, number: hosts.count + index, families: families, in: self) {
                createTask(name: name, isolation: isolation, fileID: fileID, line: line) { [unowned self] in
                    _ = isolation
                    do { try await program() } catch { programFailed(error) }
                }
            }
        }
        for host in new { add(host, group: group) }
        for host in new { host.start() }
        return new
    }

    private func add(_ host: Host, group: String?) {
        hosts.append(host)
        for address in host.addresses { hostsByAddress[address] = host }
        addressesByName[host.name] = host.addresses
        if let group { addressesByName[group, default: []] += host.addresses }
    }

    /// The host with a name.
    ///
    /// - Throws: `ValueError` if no host has this name.
    public func host(named name: String) throws(ValueError) -> Host {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw ValueError("no host has the name \(name.debugDescription); there are \(hosts.map(\.name))")
        }
        return host
    }

    var testHost: Host { hosts[0] }

    /// The life of the program that the running code belongs to.
    var currentRun: HostRun { HostRun.current ?? testHost.run }
    var currentHost: Host { currentRun.host }

    private func programFailed(_ error: any Error) {
        if error is CancellationError { return }
        loop.callExceptionHandler(
            ExceptionContext(
                message: "The program of a simulated host failed", error: error, subject: currentHost.name))
    }

    /// The main task of a program has ended. As at the end of `run { }`, what remains is cancelled.
    func mainEnded(of run: HostRun) {
        guard !run.isDead else { return }
        let host = run.host
        record(.ended, host)
        for task in run.unfinished(on: loop) { task.cancel("the program ended") }
        after(.seconds(1)) { [self] in
            if host.run === run, !run.isDead { end(run, isSilent: false) }
        }
    }

    /// Ends a life without running any of its code.
    ///
    /// - Parameter isSilent: Whether the other hosts are not notified.
    func end(_ run: HostRun, isSilent: Bool) {
        guard !run.isDead else { return }
        run.die()
        loop.abandon(run.unfinished(on: loop))
        for end in run.connections.values.sorted(by: { $0.number < $1.number }) { end.crash(isSilent: isSilent) }
        let host = run.host
        for listener in host.listeners.values { listener.crash() }
        for port in host.ports.values { port.crash() }
        host.listeners = [:]
        host.ports = [:]
        host.disk.closeAll()
    }

    // MARK: Links

    /// The way between two hosts, in both directions.
    public func link(_ a: Host, _ b: Host) -> Link { link([a], [b]) }
    /// The ways between several hosts and one, in both directions.
    public func link(_ a: [Host], _ b: Host) -> Link { link(a, [b]) }
    /// The ways between one host and several, in both directions.
    public func link(_ a: Host, _ b: [Host]) -> Link { link([a], b) }

    /// The ways between the hosts of two groups, in both directions.
    public func link(_ a: [Host], _ b: [Host]) -> Link {
        Link(routes: pairs(a, b).flatMap { [route(from: $0, to: $1), route(from: $1, to: $0)] }, network: self)
    }

    /// The way from one host to another, in this direction only.
    public func link(from a: Host, to b: Host) -> Link { Link(routes: [route(from: a, to: b)], network: self) }

    /// All ways, including those between hosts that are added later, except from a host to itself.
    public var links: Link {
        Link(routes: pairs(hosts, hosts).map { route(from: $0, to: $1) }, network: self, includesLater: true)
    }

    /// The pairs of different hosts from two groups.
    func pairs(_ a: [Host], _ b: [Host]) -> [(Host, Host)] {
        a.flatMap { first in b.compactMap { second in first === second ? nil : (first, second) } }
    }

    /// Returns the way from one host to another. To itself, a host has the loopback interface.
    func route(from: Host, to: Host) -> Route {
        let id = RouteID(from: from.number, to: to.number)
        if let route = routes[id] { return route }
        let route = Route(from: from, to: to, from === to ? .loopback : initialRoute)
        routes[id] = route
        return route
    }

    // MARK: Names and addresses

    /// Makes the lookup of a name fail, or work again.
    public func setLookup(of name: String, fails: Bool) {
        if fails { failingNames.insert(name) } else { failingNames.remove(name) }
    }

    func addresses(of name: String) -> [SystemAddress]? { failingNames.contains(name) ? nil : addressesByName[name] }

    /// Returns the host with this address, as seen from `host`.
    func host(at address: SystemAddress, from host: Host) -> Host? {
        if address.isUnix || address.isLoopback || address.isWildcard { return host }
        return hostsByAddress[address.with(port: 0)]
    }

    // MARK: Time and chance

    var now: Int64 { loop.virtualNanoseconds }

    /// A number in a range, at random, decided by the seed.
    public func random(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// A duration in a range, at random, decided by the seed.
    public func random(in range: ClosedRange<Duration>) -> Duration {
        let span = Int64((range.upperBound - range.lowerBound) / .nanoseconds(1))
        return range.lowerBound + .nanoseconds(Int64.random(in: 0...max(0, span), using: &random))
    }

    func after(_ duration: Duration, _ body: @escaping () -> Void) {
        loop.call(at: now + duration.roundedUpNanoseconds, body)
    }

    /// Lets a message arrive at a time, unless its route is held.
    func deliver(over route: Route, at time: Int64, _ arrive: @escaping () -> Void) {
        loop.call(at: time) {
            if route.held != nil { route.held?.append(arrive) } else { arrive() }
        }
    }

    func nextConnectionNumber() -> Int {
        connectionCount += 1
        return connectionCount
    }

    // MARK: The trace

    /// The events so far, oldest first; the last 20,000 of them.
    public var events: [NetworkEvent] { trace.events }

    /// The number of events so far.
    public var eventCount: Int { trace.count }

    /// A number that stands for all events so far. It is the same for two runs if their events are, byte for byte.
    public var traceDigest: UInt64 { trace.digest }

    /// Adds a note to the trace, on behalf of the current host.
    public func note(_ text: String) {
        record(.note, currentHost, nil, 0, Array(text.utf8), isWhole: true)
    }

    func record(
        _ kind: NetworkEvent.Kind, _ host: Host, _ peer: Host? = nil, _ connection: Int = 0, _ bytes: [UInt8] = [],
        isWhole: Bool = false
    ) {
        let isShort = isWhole || bytes.count <= NetworkEvent.previewSize
        trace.add(
            NetworkEvent(
                time: .nanoseconds(now - loop.virtualStart), kind: kind, host: host.name, peer: peer?.name,
                connection: connection, count: kind == .note ? 0 : bytes.count,
                content: isShort ? bytes : Array(bytes.prefix(NetworkEvent.previewSize))))
    }
}

@available(*, unavailable, message: "a network belongs to its loop's thread")
extension Network: Sendable {}
