import AsyncIO

/// Something that a user does. It throws only if something is wrong.
struct Scenario {
    let name: String
    let run: () async throws -> Void

    init(_ name: String, _ run: @escaping () async throws -> Void) {
        self.name = name
        self.run = run
    }
}

/// Users who run one scenario after another until they are told to stop.
final class Load {
    private let scenarios: [Scenario]
    private let pause: ClosedRange<Int>
    private(set) var runs: [String: Int] = [:]
    private var failure: Failure?

    /// - Parameter pause: how long a user does nothing between two scenarios, in milliseconds.
    init(_ scenarios: [Scenario], pause: ClosedRange<Int>) {
        self.scenarios = scenarios
        self.pause = pause
    }

    var total: Int { runs.values.reduce(0, +) }

    /// Runs `users` users for `duration`, and waits until each has finished its current scenario.
    ///
    /// - Returns: a sample from the middle of the run.
    func run(users: Int, for duration: Duration) async throws -> Sample {
        let end = try EventLoop.running.now + duration
        let tasks = (0..<users).map { _ in createTask { [self] in try await use(until: end) } }
        try await sleep(duration / 2)
        let sample = Sample()
        try await withTimeout(duration + .seconds(60)) { _ = try await gather(tasks) }
        if let failure { throw failure }
        return sample
    }

    private func use(until end: ContinuousClock.Instant) async throws {
        while try EventLoop.running.now < end, failure == nil {
            let scenario = pick(scenarios)
            do {
                try await scenario.run()
                runs[scenario.name, default: 0] += 1
            } catch {
                failure = Failure("\(scenario.name): \(type(of: error)): \(error)")
            }
            try await sleep(.milliseconds(chance.next(in: pause)))
        }
    }

    /// Prints reports that would otherwise be lost.
    func listen(on loop: EventLoop) {
        loop.setExceptionHandler { [self] context in
            // Some users leave without closing anything, which should be reported and otherwise
            // harmless.
            if context.message.hasPrefix("unclosed") { return }
            failure = failure ?? Failure("reported: \(context.message) \(context.error.map { "\($0)" } ?? "")")
        }
    }
}

/// The only source of randomness. A seed repeats a run, as far as the kernel does.
var chance = Chance(seed: 1)

struct Chance: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    mutating func next(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func once(in count: Int) -> Bool { next(in: 1...count) == 1 }
}

func pick<T>(_ choices: [T]) -> T { choices[chance.next(in: 0...choices.count - 1)] }

/// A random number of milliseconds.
func some(_ range: ClosedRange<Int>) -> Duration { .milliseconds(chance.next(in: range)) }

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Failure(what()) }
}
