import ArgumentParser
import Foundation

/// Where a file comes from.
nonisolated struct Source: ExpressibleByArgument, Sendable {
    let url: URL
    /// The file's.
    let name: String

    init?(argument: String) {
        guard let url = URL(string: argument), ["http", "https"].contains(url.scheme?.lowercased()),
            !(url.host() ?? "").isEmpty
        else { return nil }
        self.url = url
        let last = url.path(percentEncoded: false).split(separator: "/").last.map(String.init) ?? ""
        name = url.hasDirectoryPath || last.isEmpty ? "index.html" : last
        // Neither a name that leads elsewhere, nor one that moves the cursor.
        guard name != ".", name != "..",
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
    }
}
