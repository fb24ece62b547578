import AsyncIO
import Glibc

/// What this process holds.
enum Process {
    static var descriptors: Int {
        var count = 0
        guard let directory = opendir("/proc/self/fd") else { return -1 }
        while readdir(directory) != nil { count += 1 }
        closedir(directory)
        return count
    }

    /// In bytes.
    static var residentMemory: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return -1 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return -1 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (Int(text.split(separator: " ")[1]) ?? -1) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Whether no child has ended that was not reaped, but for `others`: children of tests
    /// that wait meanwhile.
    static func hasNoZombies(but others: Set<Int32>) async throws -> Bool {
        for _ in 0..<2_000 {
            if children(inState: "Z").subtracting(others).isEmpty { return true }
            try await sleep(.milliseconds(1))
        }
        return false
    }

    static var children: Set<Int32> { children(inState: nil) }

    private static func children(inState state: Substring?) -> Set<Int32> {
        var found: Set<Int32> = []
        guard let directory = opendir("/proc") else { return [-1] }
        let own = firstLine(of: "/proc/self/stat").map(name(in:))
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), let stat = firstLine(of: "/proc/\(pid)/stat") else { continue }
            // "pid (name) state parent …"; the name may have anything in it.
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 1, Int32(fields[1]) == getpid() else { continue }
            if state == nil || fields[0] == state { found.insert(pid) }
        }
        return found
    }

    private static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return nil }
        return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Whether a process is there and has not ended.
    static func isRunning(_ pid: Int32) -> Bool {
        guard let stat = firstLine(of: "/proc/\(pid)/stat") else { return false }
        return stat.split(separator: ")").last.map { !$0.hasPrefix(" Z") } ?? false
    }
}
