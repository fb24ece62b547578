internal import AsyncIOSystem

/// How a file is opened.
///
/// Python: the mode of `open`.
public struct OpenMode: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: String, Hashable, Sendable {
        case read = "r"
        case write = "w"
        case append = "a"
        case create = "x"
    }

    private let kind: Kind
    private var isUpdating = false

    /// For reading; the file must exist. Python: `"rb"`.
    public static let read = OpenMode(kind: .read)
    /// For writing; what the file had is dropped, and a missing file is made. Python: `"wb"`.
    public static let write = OpenMode(kind: .write)
    /// For writing at the end, wherever that is at the time; a missing file is made. Python: `"ab"`.
    public static let append = OpenMode(kind: .append)
    /// For writing a new file; it must not exist. Python: `"xb"`.
    public static let create = OpenMode(kind: .create)

    /// The same, for reading and writing: `OpenMode.read.updating` changes a file that
    /// exists. Python: `"+"`.
    public var updating: OpenMode {
        var mode = self
        mode.isUpdating = true
        return mode
    }

    public var description: String { kind.rawValue + (isUpdating ? "b+" : "b") }

    var canRead: Bool { kind == .read || isUpdating }
    var canWrite: Bool { kind != .read || isUpdating }
    var isAppending: Bool { kind == .append }

    /// For open(2).
    var flags: Int32 {
        let access = isUpdating ? OpenFlags.readAndWrite : canRead ? OpenFlags.read : OpenFlags.write
        return switch kind {
        case .read: access
        case .write: access | OpenFlags.create | OpenFlags.truncate
        case .append: access | OpenFlags.create | OpenFlags.append
        case .create: access | OpenFlags.create | OpenFlags.exclusive
        }
    }
}
