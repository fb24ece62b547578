internal import AsyncIO
internal import Synchronization

/// The settings of a simulation.
struct SimulationOptions: Sendable, Equatable {
    /// The maximum virtual time for the test.
    var duration = Duration.seconds(24 * 3600)
    /// Whether the seed also decides the order in which tasks run. Otherwise, tasks run in asyncio's order.
    var shufflesTasks = true
    /// Whether a report to the exception handler of the loop fails the test.
    var failsOnReports = true
    /// The numbers of the faults that take effect, or nil for all faults.
    var activeFaults: Set<Int>?

    // A task that waits for another loop, or for a task group of the standard library, may depend on another thread.
    // Each run would therefore spend twice the grace period on such waits. To avoid this, later runs begin with a small
    // part of the grace period until a thread answers.
    private static let timesInVain = Atomic<Int>(0)
    private static let mostTimesInVain = 6

    func makeRunner(seed: UInt64, _ found: @escaping (Network) -> Void) -> Runner {
        Runner(virtualTimeWithSeed: shufflesTasks ? seed : nil) { loop in
            loop.setVirtualLimit(duration, byHand: false)
            loop.setTimesInVain(min(Self.timesInVain.load(ordering: .relaxed), Self.mostTimesInVain)) {
                Self.timesInVain.store($0, ordering: .relaxed)
            }
            let network = Network(on: loop, seed: seed)
            network.activeFaults = activeFaults ?? Environment.faults
            found(network)
        }
    }
}
