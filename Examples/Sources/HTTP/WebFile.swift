public import ArgumentParser
public import Foundation

/// A file of the web, by http or https, as an argument of a command.
public nonisolated struct WebFile: ExpressibleByArgument, Sendable {
    public let url: URL
    /// The last part of the URL's path, which leads nowhere else.
    public let name: String

    public init?(argument: String) {
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
