internal import AsyncIOSystem
internal import Glibc

/// A frame of a task's stack. A frame is the place in a function at which the task is suspended, is running, or has
/// called another function.
public struct CallGraphFrame: Sendable, Hashable, CustomStringConvertible {
    /// The function, such as `worker(_:)` or `closure #1 in main()`.
    public let function: String
    /// The path of the file, as it was passed to the compiler; `nil` if the program was built without debug
    /// information.
    public let file: String?
    /// The line number; 0 if the line is unknown.
    public let line: Int
    /// Whether the function is suspended rather than on the stack of a thread.
    public let isAsync: Bool

    init(_ place: CodePlace) {
        function = place.function
        file = place.file
        line = place.line
        isAsync = place.isAsync
        SourcePaths.note(place)
    }

    /// The file, the line, and the function, such as `Sources/app/main.swift:12 in worker(_:)`.
    public var description: String { "\(location) in \(function)" }

    /// The file and the line of the code that this frame runs. The path is relative to the working directory if the file
    /// is inside that directory.
    public var location: String {
        guard let file else { return "(no line)" }
        return line > 0 ? "\(Self.shortened(file)):\(line)" : Self.shortened(file)
    }

    private static let workingDirectory: String = {
        // SAFETY: the C library allocates the text, which is copied and freed here.
        guard let path = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(path) }
        return unsafe String(cString: path) + "/"
    }()

    static func shortened(_ path: String) -> String {
        path.hasPrefix(workingDirectory) ? String(path.dropFirst(workingDirectory.count)) : path
    }

    // MARK: Filtering

    /// Returns the frames of the user's code, without the frames of this library, the runtime, and the compiler.
    static func users(among places: some Sequence<CodePlace>) -> [CallGraphFrame] {
        let own = places.filter(isUsers)
        // If some frames have lines, a frame without one comes from another package or the
        // compiler.
        let withLines = own.filter { $0.file != nil }
        return (withLines.isEmpty ? own : withLines).map(CallGraphFrame.init)
    }

    /// Returns the part of a loop thread's stack that the loop is running now, without the frames of the loop itself
    /// and its callers.
    static func onLoopsStack(_ places: [CodePlace]) -> ArraySlice<CodePlace> {
        places.prefix { !($0.isIn("7AsyncIO") && $0.function.hasPrefix("EventLoop.run")) }
    }

    /// Returns the program's own functions on a stack that was recorded when the program created or scheduled something
    /// on the loop.
    static func ofMaker(_ addresses: CodeAddresses) -> [CallGraphFrame] {
        users(among: onLoopsStack(Symbolizer.places(of: addresses)))
    }

    private static let ownModules = ["7AsyncIO", "13AsyncIOSystem", "14AsyncIOTesting", "11AsyncIOMain"]

    private static func isUsers(_ place: CodePlace) -> Bool {
        if ownModules.contains(where: place.isIn) { return false }
        if place.file != nil { return !place.isCompilersOwn }
        // Without line numbers, only the symbol names show what belongs to the runtime.
        return place.symbol.hasPrefix("$s") && !place.symbol.hasPrefix("$sS") && !place.symbol.hasPrefix("$ss")
    }
}
