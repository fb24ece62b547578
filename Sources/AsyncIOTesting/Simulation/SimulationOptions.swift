internal import AsyncIO

/// The settings of a simulation.
struct SimulationOptions: Sendable, Equatable {
    /// The maximum virtual time that the test can run.
    var duration = Duration.seconds(24 * 3600)
    /// Whether the seed also decides the order in which tasks run. Otherwise, tasks run in asyncio's order.
    var shufflesTasks = true
    /// Whether a report to the exception handler of the loop fails the test.
    var failsOnReports = true
    /// The numbers of the faults that take effect, or nil for all faults.
    var activeFaults: Set<Int>?

    func makeRunner(seed: UInt64, _ found: @escaping (Network) -> Void) -> Runner {
        Runner(virtualTimeWithSeed: shufflesTasks ? seed : nil) { loop in
            loop.setVirtualLimit(duration, byHand: false)
            let network = Network(on: loop, seed: seed)
            network.activeFaults = activeFaults ?? Environment.faults
            found(network)
        }
    }
}
