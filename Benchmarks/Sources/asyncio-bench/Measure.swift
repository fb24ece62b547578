import Glibc
import SystemPackage

/// A span of time, whose clocks start when it is created.
struct Measure {
    private let wall = Measure.seconds(CLOCK_MONOTONIC)
    private let cpu = Measure.seconds(CLOCK_PROCESS_CPUTIME_ID)

    /// Prints what the span cost, as a line of JSON.
    func report(_ bench: String, operations: Int, _ more: KeyValuePairs<String, Double> = [:]) {
        let wall = Measure.seconds(CLOCK_MONOTONIC) - wall
        let cpu = Measure.seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
        let rest = more.map { ", \"\($0)\": \($1 == $1.rounded() ? String(Int($1)) : String($1))" }.joined()
        print("{\"bench\": \"\(bench)\", \"n\": \(operations), \"wall_s\": \(wall), \"cpu_s\": \(cpu)\(rest)}")
        fflush(nil)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// Reports that a server is ready for connections.
func sayReady() {
    print("READY")
    fflush(nil)
}

/// Peak resident memory of this process, in kilobytes: `VmHWM`. (`getrusage` would also count the memory that the
/// process used before it executed this program.)
func peakMemory() -> Int {
    guard let file = try? FileDescriptor.open(FilePath("/proc/self/status"), .readOnly) else { return 0 }
    defer { try? file.close() }
    let status = unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { bytes, count in
        count = unsafe (try? file.read(into: UnsafeMutableRawBufferPointer(bytes))) ?? 0
    }
    for line in String(decoding: status, as: UTF8.self).split(separator: "\n") {
        let words = line.split(whereSeparator: \.isWhitespace)
        if words.first == "VmHWM:", words.count > 1 { return Int(words[1]) ?? 0 }
    }
    return 0
}

/// Raises the limit on descriptors to the maximum that the system allows.
func raiseDescriptorLimit() {
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
