import AsyncIO
import Glibc

/// The resources of this process.
enum Process {
    /// The open descriptors, each with its number and its target.
    static var descriptors: Set<String> {
        Set(
            names(in: "/proc/self/fd").compactMap { number in
                var target = [CChar](repeating: 0, count: 256)
                // The directory from which the list was read is closed by now.
                guard readlink("/proc/self/fd/\(number)", &target, 255) >= 0 else { return nil }
                return "\(number) \(text(target))"
            })
    }

    /// The descriptors that were opened since. Descriptors that other tests close meanwhile do not
    /// matter, and cannot hide a leak, as they could if descriptors were only counted.
    static func opened(since before: Set<String>) -> Set<String> { descriptors.subtracting(before) }

    /// In bytes.
    static var residentMemory: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return -1 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        guard fgets(&line, 256, file) != nil else { return -1 }
        return (Int(text(line).split(separator: " ")[1]) ?? -1) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Whether no ended child is left that was not reaped, except `others`, which belong to tests
    /// that are waiting.
    static func hasNoZombies(but others: Set<Int32>) async throws -> Bool {
        try await eventually { children(inState: "Z").subtracting(others).isEmpty }
        return true
    }

    static var children: Set<Int32> { children(inState: nil) }

    private static func children(inState state: Substring?) -> Set<Int32> {
        var found: Set<Int32> = []
        for name in names(in: "/proc") {
            guard let pid = Int32(name), let stat = firstLine(of: "/proc/\(pid)/stat") else { continue }
            // "pid (name) state parent …"; the name can contain anything.
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 1, Int32(fields[1]) == getpid() else { continue }
            if state == nil || fields[0] == state { found.insert(pid) }
        }
        return found
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return nil }
        return text(line)
    }

    /// Whether a process exists and has not ended.
    static func isRunning(_ pid: Int32) -> Bool {
        guard let stat = firstLine(of: "/proc/\(pid)/stat") else { return false }
        return stat.split(separator: ")").last.map { !$0.hasPrefix(" Z") } ?? false
    }
}
