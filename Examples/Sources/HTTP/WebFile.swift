public import ArgumentParser
public import Foundation

/// A file on the web, given as an http or https URL on the command line.
public nonisolated struct WebFile: ExpressibleByArgument, Sendable {
    public let url: URL
    /// The last part of the URL's path, which is safe as a file name.
    public let name: String

    public init?(argument: String) {
        guard let url = URL(string: argument), ["http", "https"].contains(url.scheme?.lowercased()),
            !(url.host() ?? "").isEmpty
        else { return nil }
        self.url = url
        let last = url.path(percentEncoded: false).split(separator: "/").last.map(String.init) ?? ""
        name = url.hasDirectoryPath || last.isEmpty ? "index.html" : last
        // Reject names that lead to another directory, and names that move the cursor.
        guard name != ".", name != "..",
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
    }
}
