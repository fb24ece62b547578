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
}
