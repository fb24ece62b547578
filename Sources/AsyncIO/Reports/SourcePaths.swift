internal import AsyncIOSystem

/// The paths of the source files that have appeared in symbolized stacks. You can use this table from any thread.
///
/// A creation site consists of a module and a file name (`#fileID`), whereas debug information contains paths. With this
/// table, a report can show both as paths.
enum SourcePaths {
    /// The paths by module and file name. The value is nil if a module has several files with the same name.
    private static let known = Guarded<[String: String?]>([:])

    /// Records the path of a place.
    static func note(_ place: CodePlace) {
        guard let path = place.file, !place.isCompilersOwn, let module = place.module else { return }
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        known.withLock { known in
            let old = known.updateValue(path, forKey: "\(module)/\(name)")
            if case .some(let other) = old, other != path { known["\(module)/\(name)"] = .some(nil) }
        }
    }

    /// Returns the path for a `#fileID`, or nil if no stack has contained the file.
    static func path(of fileID: String) -> String? { known.withLock { $0[fileID] ?? nil } }
}

extension CreationSite {
    /// The location of the site. If a stack has contained the file, the location is a path in the same form as in a
    /// stack. Otherwise, it consists of the module and the file name. Symbolize all stacks of a report before you use
    /// this property.
    var location: String { CallGraphFrame.shortened(fullLocation) }

    /// Like ``location``, but with the full path, which the tool shortens.
    var fullLocation: String { SourcePaths.path(of: fileID).map { "\($0):\(line)" } ?? description }
}
