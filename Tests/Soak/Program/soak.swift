import AsyncIO
import AsyncIOTesting
import Glibc

/// Loops in virtual time, one after the other, each with a schedule of its own.
func soakInVirtualTime(_ arguments: Arguments) throws {
    // Several minutes of each, so that a leak of a loop is found too.
    let part = 300
    let certificate = try Certificate()
    var gauge = Gauge(warmUp: 1)
    var runs = 0
    let start = ContinuousClock.now
    for number in 0..<max(3, (arguments.virtual + part - 1) / part) {
        let seed = arguments.seed &+ UInt64(number)
        chance = Chance(seed: seed)
        // The first one in asyncio's own order.
        try runInVirtualTime(seed: number == 0 ? nil : seed) {
            runs += try await soak(
                [(taskScenarios(), 12), (nil, 8)], certificate, arguments, pauses: part / 60, of: .seconds(60),
                pause: 100...3000, gauge: Gauge(warmUp: 2))
        }
        let sample = Sample()
        say("virtual: \((number + 1) * part) s, schedule \(seed), \(runs) scenarios in \(.now - start): \(sample)")
        try gauge.note(sample)
    }
    say("virtual: flat")
}

/// One loop in real time.
func soakInRealTime(_ arguments: Arguments) throws {
    chance = Chance(seed: arguments.seed)
    let certificate = try Certificate()
    let pauses = max(4, arguments.real / 10)
    let period = Duration.seconds(arguments.real) / pauses
    try AsyncIO.run {
        _ = try await soak(
            [(taskScenarios(), 10), (nil, 30), (systemScenarios(), 6)], certificate, arguments, pauses: pauses,
            of: period, pause: 0...5, gauge: Gauge(warmUp: max(1, pauses / 6)))
    }
    say("real: flat")
}

/// Lets users work, and checks after each period what is left of them.
///
/// - Parameter crowds: the scenarios and the number of users for each; nil means talking to the
///   servers.
/// - Returns: the number of scenarios that were run.
private func soak(
    _ crowds: [(scenarios: [Scenario]?, users: Int)], _ certificate: Certificate, _ arguments: Arguments, pauses: Int,
    of period: Duration, pause: ClosedRange<Int>, gauge: Gauge
) async throws -> Int {
    var gauge = gauge
    // The data that the watchdog needs to name functions is read only once, and cached.
    _ = currentTask()?.stack
    let servers = try await Servers(certificate)
    let loads = crowds.compactMap { scenarios, users in
        let chosen = (scenarios ?? networkScenarios(servers)).filter { $0.name.hasPrefix(arguments.only) }
        return chosen.isEmpty ? nil : (Load(chosen, pause: pause), users)
    }
    guard !loads.isEmpty else { throw Failure("no scenario has a name with \(arguments.only)") }
    loads.last?.0.listen(on: try EventLoop.running)
    for number in 1...pauses {
        let busy = try await gather(loads) { load, users in try await load.run(users: users, for: period) }
        try await servers.becomeIdle()
        let sample = Sample()
        if pause.lowerBound == 0 {
            let runs = loads.map(\.0.total).reduce(0, +)
            say("real: \(period * number), \(runs) scenarios; busy: \(busy[0]); at rest: \(sample)")
        }
        try gauge.note(sample)
    }
    try await servers.shutDown()
    return loads.map(\.0.total).reduce(0, +)
}
