internal import AsyncIO
internal import AsyncIOSystem
public import SystemPackage

// # A disk in memory
//
// A disk maps names to files. The program sees the data that it has written, which is initially only in the system's
// memory. The data is on the disk after a sync (`File.sync`, or `writeFile` with `sync: true`). The data on the disk
// survives a power failure. Data that was written since the last sync of a file may also survive, in whole or in part,
// depending on the seed. A name that was never synced may be lost, together with its file.

/// The files of a simulated host. `openFile`, `readFile`, `writeFile`, and similar functions use them.
///
/// A path names a file, and there are no directories to create. Files are in memory until the simulation ends. They
/// remain after the program that wrote them ends, but data that was not synced can be lost in a ``Crash/powerFailure``.
public final class SimulatedDisk {
    private unowned let network: Network
    /// The files that the program sees, by path.
    var names: [String: SimulatedFile] = [:]
    /// The files that are on the disk, by path.
    private var durable: [String: SimulatedFile] = [:]
    private(set) lazy var engine = DiskEngine(for: self, in: network)

    var latencyRange = DurationRange(.microseconds(20)...(.microseconds(100)))
    var syncLatencyRange = DurationRange(.milliseconds(1)...(.milliseconds(5)))

    init(in network: Network) { self.network = network }

    // MARK: Settings

    /// How long it takes to open, read, or write a file. The default is 20 to 100 microseconds.
    public var latency: ClosedRange<Duration> {
        get { latencyRange.range }
        set {
            precondition(newValue.lowerBound >= .zero, "a latency must not be negative, got \(newValue)")
            latencyRange = DurationRange(newValue)
        }
    }

    /// How long a sync takes. The default is 1 to 5 milliseconds.
    public var syncLatency: ClosedRange<Duration> {
        get { syncLatencyRange.range }
        set {
            precondition(newValue.lowerBound >= .zero, "a latency must not be negative, got \(newValue)")
            syncLatencyRange = DurationRange(newValue)
        }
    }

    /// The error with which every operation fails, or `nil` for no error, which is the default.
    public var error: Errno?

    /// The maximum size of all files in bytes, or `nil` for no limit. A write that exceeds this size fails with
    /// `.noSpace`.
    public var capacity: Int?

    // MARK: Content

    /// The paths of the files, in sorted order.
    public var paths: [String] { names.keys.sorted() }

    /// Returns the content of a file, as the program would read it, or `nil` if the file does not exist.
    public func contents(of path: String) -> [UInt8]? { names[Self.normalized(path)]?.content }

    /// Writes a file as if the file had already existed and been synced.
    public func write(_ path: String, _ bytes: some Sequence<UInt8>) {
        let path = Self.normalized(path)
        let file = SimulatedFile(Array(bytes))
        file.sync()
        names[path] = file
        durable[path] = file
    }

    /// Writes a file as if the file had already existed and been synced.
    public func write(_ path: String, _ text: String) { write(path, text.utf8) }

    /// Removes a file if it exists.
    public func remove(_ path: String) {
        names[Self.normalized(path)] = nil
        durable[Self.normalized(path)] = nil
    }

    // MARK: Internals

    var size: Int { names.values.reduce(0) { $0 + $1.content.count } }

    /// Makes the content and the names of a file durable.
    func sync(_ file: SimulatedFile) {
        file.sync()
        for (name, other) in names where other === file { durable[name] = file }
    }

    var openFileCount: Int { engine.openCount }
    func closeAll() { engine.closeAll() }

    /// Loses all data that is not on the disk.
    func losePower() {
        for path in names.keys.sorted() where durable[path] !== names[path] {
            // A name that was not synced may also have reached the disk.
            if Bool.random(using: &network.random) { durable[path] = names[path] }
        }
        names = durable
        for path in paths { names[path]?.losePower(&network.random) }
    }

    /// Returns the same text for all paths that lead to the same file.
    static func normalized(_ path: String) -> String {
        FilePath("/").pushing(FilePath(path)).lexicallyNormalized().string
    }
}

@available(*, unavailable, message: "a disk belongs to its loop's thread")
extension SimulatedDisk: Sendable {}

/// The content of a file, and the part of it that is on the disk.
final class SimulatedFile {
    private(set) var content: [UInt8]
    private var durable: [UInt8] = []
    /// The changes since the last sync.
    private var changes: [Change] = []

    private enum Change {
        case write([UInt8], offset: Int)
        case truncate(Int)
    }

    init(_ content: [UInt8] = []) {
        self.content = content
        if !content.isEmpty { changes.append(.write(content, offset: 0)) }
    }

    func write(_ bytes: [UInt8], at offset: Int) { make(.write(bytes, offset: offset)) }
    func truncate(to size: Int) { make(.truncate(size)) }

    private func make(_ change: Change) {
        Self.apply(change, to: &content)
        changes.append(change)
    }

    private static func apply(_ change: Change, to content: inout [UInt8]) {
        switch change {
        case .write(let bytes, let offset):
            let end = offset + bytes.count
            if content.count < end { content += Array(repeating: 0, count: end - content.count) }
            content.replaceSubrange(offset..<end, with: bytes)
        case .truncate(let size):
            if content.count > size {
                content.removeLast(content.count - size)
            } else {
                content += Array(repeating: 0, count: size - content.count)
            }
        }
    }

    func sync() {
        durable = content
        changes = []
    }

    /// Keeps the content on the disk and a random number of the changes since the last sync, starting with the first
    /// change. The last of these changes may be incomplete.
    func losePower(_ random: inout SeededGenerator) {
        guard !changes.isEmpty else { return }
        content = durable
        if Bool.random(using: &random) {
            let count = Int.random(in: 0...changes.count, using: &random)
            for change in changes.prefix(count) { Self.apply(change, to: &content) }
            if count < changes.count, case .write(let bytes, let offset) = changes[count], offset <= content.count {
                let part = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
                Self.apply(.write(part, offset: offset), to: &content)
            }
        }
        sync()
    }
}
