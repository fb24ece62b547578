import Glibc

/// A span of time, whose clocks start when it is created.
struct Measure {
    private let wall = Measure.seconds(CLOCK_MONOTONIC)
    private let cpu = Measure.seconds(CLOCK_PROCESS_CPUTIME_ID)

    /// Prints what the span cost, as a line of JSON.
    func report(_ bench: String, operations: Int) {
        let wall = Measure.seconds(CLOCK_MONOTONIC) - wall
        let cpu = Measure.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
        print("{\"bench\": \"\(bench)\", \"n\": \(operations), \"wall_s\": \(wall), \"cpu_s\": \(cpu)}")
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
