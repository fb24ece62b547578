public import AsyncIO
internal import AsyncIOSystem

// # A network in one process
//
// All hosts of a simulation run on one loop in virtual time. The loop uses this object instead of the system's network
// (`NetworkStack`) and disks. The object decides when each message arrives, and schedules its arrival on the loop.
// Between two messages, only the program's own code runs.
//
//     program -> StreamWriter -> SimulatedConnection -> TCPEnd -> Link's route -> timer of the loop
//     program <- StreamReader <- SimulatedConnection <- TCPEnd <----------------------+
//
// Nothing depends on real time, on addresses in memory, or on the order of a hash table, and all random numbers come
// from one seed. Therefore, the same seed always gives the same run.

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
/// The programs are unchanged production code: `startServer`, `openConnection`, transports and protocols, datagrams,
/// Unix sockets, TLS, `openFile`, and similar functions use the simulated network and the host's simulated disk. Names
/// of hosts resolve to their addresses. The test itself runs on a host with the name `test`. Functions that use
/// subprocesses, pipes, or other system descriptors, including the `sock…` functions, throw a `RuntimeError`.
///
/// For tests with Swift Testing, use ``Testing/Trait/simulation(seeds:duration:shufflesTasks:)``. For all other code,
/// use ``simulate(seed:duration:shufflesTasks:_:)``.
public final class Network {
    unowned let loop: EventLoop
    /// The seed that determines all random choices.
    public let seed: UInt64
    var random: SeededGenerator
    var trace = NetworkTrace()

    private(set) var hosts: [Host] = []
    private var hostsByAddress: [SystemAddress: Host] = [:]
    private var addressesByName: [String: [SystemAddress]] = [:]
    private var routes: [RouteID: Route] = [:]
    /// The initial settings of routes.
    var initialRoute = Route.Settings()
    var failingNames: Set<String> = []
    private var connectionCount = 0
    /// The runs of programs that have created loops with their own threads, and these loops. Closed loops are removed
    /// when the next one is created.
    private var guests: [(loop: EventLoop, run: HostRun)] = []
    /// The faults that were injected, and the numbers of the faults that take effect, or nil for all faults.
    var faults: [Fault] = []
    var activeFaults: Set<Int>?

    struct RouteID: Hashable {
        let from: Int
        let to: Int
    }

    init(on loop: EventLoop, seed: UInt64) {
        self.loop = loop
        self.seed = seed
        // These random numbers differ from those that determine the schedule.
        random = SeededGenerator(seed: ~seed)
        let test = Host("test", index: 0, number: 0, families: [.ipv4, .ipv6], in: self, program: nil)
        add(test, group: nil)
        loop.networkStack = self
        loop.setSimulatedHosts(self)
    }

    /// The network of the running simulation.
    ///
    /// - Throws: `RuntimeError` if no simulation is running.
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
    ///   - name: The name of the host. Other hosts can use this name to connect to the host.
    ///   - families: The families of addresses that the host has.
    ///   - program: The main function. It is called again when the host is restarted.
    /// - Throws: `ValueError` if another host has the same name, or the code runs on an `EventLoopThread`.
    @discardableResult
    public func host(
        _ name: String, families: Set<Endpoint.Family> = [.ipv4], isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID, line: UInt = #line, _ program: @escaping () async throws -> Void
    ) throws(ValueError) -> Host {
        try makeHosts([name], group: nil, families, isolation, fileID, line, program)[0]
    }

    /// Adds several hosts with the same program, with the names `name-0`, `name-1`, and so on.
    ///
    /// The name without a number resolves to the addresses of all these hosts.
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
        if EventLoop.current !== loop {
            throw ValueError("a host must be created on the loop of the simulation, not on an EventLoopThread")
        }
        if families.isEmpty { throw ValueError("a host needs at least one family of addresses, got none") }
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

    /// Returns the host with this name.
    ///
    /// - Throws: `ValueError` if no host has this name.
    public func host(named name: String) throws(ValueError) -> Host {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw ValueError("no host has the name \(name.debugDescription); the hosts are \(hosts.map(\.name))")
        }
        return host
    }

    var testHost: Host { hosts[0] }

    /// The run of the program to which the running code belongs.
    var currentRun: HostRun { HostRun.current ?? testHost.run }
    var currentHost: Host { currentRun.host }

    private func programFailed(_ error: any Error) {
        if error is CancellationError { return }
        loop.callExceptionHandler(
            ExceptionContext(
                message: "The program of a simulated host failed", error: error, subject: currentHost.name))
    }

    /// Called when the main task of a program has ended. The remaining tasks are cancelled, as they are at the end of
    /// `run { }`.
    func mainEnded(of run: HostRun) {
        guard !run.isDead else { return }
        let host = run.host
        record(.ended, host)
        cancelTasks(of: run, "the program ended")
        after(.seconds(1)) { [self] in
            if host.run === run, !run.isDead { end(run, isSilent: false) }
        }
    }

    func cancelTasks(of run: HostRun, _ reason: String) {
        for loop in loops {
            loop.inside { for task in run.unfinished(on: [loop]) { task.cancel(reason) } }
        }
    }

    /// Ends a run without executing any more of its code.
    ///
    /// - Parameter isSilent: Whether to end the run without notifying other hosts.
    func end(_ run: HostRun, isSilent: Bool) {
        guard !run.isDead else { return }
        run.die()
        for loop in loops { loop.abandon(run.unfinished(on: [loop])) }
        for guest in guests where guest.run === run { guest.loop.killGuest() }
        for end in run.connections.values.sorted(by: { $0.number < $1.number }) { end.crash(isSilent: isSilent) }
        let host = run.host
        for listeners in host.listeners.values { for listener in listeners { listener.crash() } }
        for port in host.ports.values { port.crash() }
        host.listeners = [:]
        host.ports = [:]
        host.disk.closeAll()
    }

    // MARK: Loops

    /// The loop of the simulation, and the loops of `EventLoopThread`s, which run on the same thread.
    var loops: [EventLoop] { [loop] + loop.guests }

    func add(_ guest: EventLoop) {
        guests.removeAll { $0.loop.isClosed }
        guests.append((guest, currentRun))
    }

    /// The loops that a program has created and not shut down.
    func guests(of run: HostRun) -> [EventLoop] {
        guests.filter { $0.run === run && !$0.loop.isClosed }.map(\.loop)
    }

    // MARK: Links

    /// Returns the routes between two hosts, in both directions.
    public func link(_ a: Host, _ b: Host) -> Link { link([a], [b]) }
    /// Returns the routes between several hosts and one other host, in both directions.
    public func link(_ a: [Host], _ b: Host) -> Link { link(a, [b]) }
    /// Returns the routes between one host and several other hosts, in both directions.
    public func link(_ a: Host, _ b: [Host]) -> Link { link([a], b) }

    /// Returns the routes between the hosts of two groups, in both directions.
    public func link(_ a: [Host], _ b: [Host]) -> Link {
        Link(routes: pairs(a, b).flatMap { [route(from: $0, to: $1), route(from: $1, to: $0)] }, network: self)
    }

    /// Returns the route from one host to another, in this direction only.
    public func link(from a: Host, to b: Host) -> Link { Link(routes: [route(from: a, to: b)], network: self) }

    /// The routes between all hosts, including hosts that are added later. The routes from a host to itself are not
    /// included.
    public var links: Link {
        Link(routes: pairs(hosts, hosts).map { route(from: $0, to: $1) }, network: self, includesLater: true)
    }

    /// Returns the pairs of different hosts from two groups.
    func pairs(_ a: [Host], _ b: [Host]) -> [(Host, Host)] {
        a.flatMap { first in b.compactMap { second in first === second ? nil : (first, second) } }
    }

    /// Returns the route from one host to another. The route from a host to itself is the loopback interface.
    func route(from: Host, to: Host) -> Route {
        let id = RouteID(from: from.number, to: to.number)
        if let route = routes[id] { return route }
        let route = Route(from: from, to: to, from === to ? .loopback : initialRoute)
        routes[id] = route
        return route
    }

    // MARK: Names and addresses

    /// Makes lookups of a name fail, or makes them work again.
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

    /// Returns a random number in a range. The seed determines the number.
    public func random(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    /// Returns a random duration in a range. The seed determines the duration.
    public func random(in range: ClosedRange<Duration>) -> Duration {
        let span = Int64((range.upperBound - range.lowerBound) / .nanoseconds(1))
        return range.lowerBound + .nanoseconds(Int64.random(in: 0...max(0, span), using: &random))
    }

    func after(_ duration: Duration, _ body: @escaping () -> Void) {
        loop.call(at: now + duration.roundedUpNanoseconds, body)
    }

    /// Schedules the arrival of a message. If the route is held at that time, the message is held back.
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

    /// The latest events, oldest first. At most 20,000 events are stored.
    public var events: [NetworkEvent] { trace.events }

    /// The number of events so far.
    public var eventCount: Int { trace.count }

    /// A digest of all events so far. Two runs whose events are the same, byte for byte, have the same digest.
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
