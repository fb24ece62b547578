internal import AsyncIOSystem

extension File {
    /// The mode in which a file is opened.
    ///
    /// Python: the argument `mode` of `open`.
    public struct Mode: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String, Hashable, Sendable {
            case read = "r"
            case write = "w"
            case append = "a"
            case create = "x"
        }

        private let kind: Kind
        private var isUpdating = false

        /// Opens an existing file for reading. Python: `"rb"`.
        public static let read = Mode(kind: .read)
        /// Opens a file for writing. Creates the file if it does not exist, and truncates the file if it exists.
        /// Python: `"wb"`.
        public static let write = Mode(kind: .write)
        /// Opens a file for appending. Each write goes to the current end of the file. Creates the file if it does not
        /// exist. Python: `"ab"`.
        public static let append = Mode(kind: .append)
        /// Creates a file for writing. Opening fails if the file exists. Python: `"xb"`.
        public static let create = Mode(kind: .create)

        /// A copy of this mode that allows both reading and writing. For example, `File.Mode.read.updating` opens an
        /// existing file for reading and writing. Python: `"+"`.
        public var updating: Mode {
            var mode = self
            mode.isUpdating = true
            return mode
        }

        /// The mode in Python's notation, such as `rb` or `w+b`.
        public var description: String { kind.rawValue + (isUpdating ? "b+" : "b") }

        var canRead: Bool { kind == .read || isUpdating }
        var canWrite: Bool { kind != .read || isUpdating }
        var isAppending: Bool { kind == .append }

        /// The flags for open(2).
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
}
