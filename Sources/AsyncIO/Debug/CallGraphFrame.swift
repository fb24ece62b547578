internal import AsyncIOSystem
internal import Glibc

/// A place in the program that a task is at, or that awaits one that it is at.
public struct CallGraphFrame: Sendable, Hashable, CustomStringConvertible {
    /// The function: `worker(_:)`, `closure #1 in main()`.
    public let function: String
    /// The file's path, as the compiler was given it; nil if the program was built without
    /// debugging information.
    public let file: String?
    /// The line; 0 if it is not known.
    public let line: Int
    /// Whether the function is suspended, rather than on a thread's stack.
    public let isAsync: Bool

    init(_ place: CodePlace) {
        function = place.function
        file = place.file
        line = place.line
        isAsync = place.isAsync
    }

    /// File and line, and the function: `Sources/app/main.swift:12 in worker(_:)`.
    public var description: String { "\(location) in \(function)" }

    /// File and line, as short as can be from the working directory.
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

    private static func shortened(_ path: String) -> String {
        path.hasPrefix(workingDirectory) ? String(path.dropFirst(workingDirectory.count)) : path
    }

    // MARK: Whose code it is

    /// The user's places among these: not this library's, nor the runtime's or the
    /// compiler's.
    static func users(among places: some Sequence<CodePlace>) -> [CallGraphFrame] {
        let own = places.filter(isUsers)
        // Where some have lines, one that has none was built by others, or by the compiler.
        let withLines = own.filter { $0.file != nil }
        return (withLines.isEmpty ? own : withLines).map(CallGraphFrame.init)
    }

    /// What the loop runs at the moment, of what is on its thread's stack: the loop itself,
    /// and who runs that, are left out.
    static func onLoopsStack(_ places: [CodePlace]) -> ArraySlice<CodePlace> {
        places.prefix { !($0.isIn("7AsyncIO") && $0.function.hasPrefix("EventLoop.run")) }
    }

    /// Who made or scheduled something, on the loop.
    static func ofMaker(_ addresses: CodeAddresses) -> [CallGraphFrame] {
        users(among: onLoopsStack(Symbolizer.places(of: addresses)))
    }

    private static let ownModules = ["7AsyncIO", "13AsyncIOSystem", "14AsyncIOTesting", "11AsyncIOMain"]

    private static func isUsers(_ place: CodePlace) -> Bool {
        if ownModules.contains(where: place.isIn) { return false }
        if place.file != nil { return !place.isCompilersOwn }
        // Without lines, what is the runtime's can only be told by its names.
        return place.symbol.hasPrefix("$s") && !place.symbol.hasPrefix("$sS") && !place.symbol.hasPrefix("$ss")
    }
}
