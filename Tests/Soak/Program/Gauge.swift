import AsyncIO
import Foundation
import Glibc
import SoakMemory

/// The resources of this process and its loop at one moment.
struct Sample: CustomStringConvertible {
    let descriptors = countEntries(of: "/proc/self/fd")
    let threads = countEntries(of: "/proc/self/task")
    let memory = soak_memory_in_use()
    let resident = residentMemory()
    let children = hasChildren()
    let tasks: Int
    let timers: Int
    let watched: Int

    init() {
        let statistics = EventLoop.current?.statistics
        tasks = statistics?.tasks ?? 0
        timers = statistics?.timers ?? 0
        watched = statistics?.descriptors ?? 0
    }

    var description: String {
        """
        \(descriptors) descriptors (\(watched) watched), \(tasks) tasks, \(timers) timers, \(threads) threads, \
        \(memory / 1024) KiB allocated, \(resident / 1024) KiB resident
        """
    }
}

/// Compares each pause with the first one that counts.
struct Gauge {
    /// Variation from malloc's thread caches, and from arrays that have grown once.
    private static let memorySlack = 256 * 1024
    private static let residentSlack = 6 * 1024 * 1024
    /// The number of pauses before the first one that counts, so that what is created at first use
    /// exists.
    private var warmUp: Int
    private(set) var first: Sample?
    private(set) var latest: Sample?

    init(warmUp: Int) { self.warmUp = warmUp }

    mutating func note(_ sample: Sample) throws {
        latest = sample
        guard warmUp <= 0 else {
            warmUp -= 1
            return
        }
        guard let first else {
            first = sample
            return
        }
        try compare("descriptors", sample.descriptors, first.descriptors, slack: 0)
        try compare("watched descriptors", sample.watched, first.watched, slack: 0)
        try compare("tasks", sample.tasks, first.tasks, slack: 0)
        try compare("timers", sample.timers, first.timers, slack: 0)
        try compare("allocated bytes", Int(sample.memory), Int(first.memory), slack: Self.memorySlack)
        try compare("resident bytes", sample.resident, first.resident, slack: Self.residentSlack)
        if sample.children { throw Failure("children are left or were not reaped") }
    }

    private func compare(_ what: String, _ now: Int, _ before: Int, slack: Int) throws {
        guard now > before + slack else { return }
        throw Failure("\(what) grew from \(before) to \(now)")
    }
}

private func countEntries(of directory: String) -> Int {
    guard let handle = opendir(directory) else { return -1 }
    defer { closedir(handle) }
    var count = 0
    while readdir(handle) != nil { count += 1 }
    // Without ".", "..", and, for descriptors, this one.
    return count - (directory.hasSuffix("fd") ? 3 : 2)
}

private func residentMemory() -> Int {
    soak_trim_memory()
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
}

private func hasChildren() -> Bool {
    var information = siginfo_t()
    return waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) == 0
}
