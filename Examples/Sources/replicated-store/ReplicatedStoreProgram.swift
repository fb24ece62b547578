import ArgumentParser
import AsyncIO
import ReplicatedStore

/// A store whose lists survive the loss of any minority of its nodes.
///
///     replicated-store node a --folder /var/lib/a a=127.0.0.1:7001 b=127.0.0.1:7002 c=127.0.0.1:7003
///     replicated-store add fruits apple           a=127.0.0.1:7001 b=127.0.0.1:7002 c=127.0.0.1:7003
@main
struct ReplicatedStoreProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replicated-store", abstract: "A replicated store of lists.", subcommands: [Serve.self, Add.self])

    struct Serve: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "node", abstract: "Run a node.")
        @Argument(help: "The name of this node.") var name: String
        @Option(help: "An existing directory for the node's files.") var folder: String
        @Argument(help: "The nodes, as name=host:port.") var members: [String]

        func run() throws {
            let members = try members.map { try Member(text: $0) }
            try AsyncIO.run { try await Node(name, of: members, in: folder).run() }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a word to a list, and print the list.")
        @Argument(help: "The name of the list.") var key: String
        @Argument(help: "The word to add.") var token: String
        @Argument(help: "The nodes, as name=host:port.") var members: [String]

        func run() throws {
            let members = try members.map { try Member(text: $0) }
            try AsyncIO.run {
                let client = Client("client-\(UInt64.random(in: 0...UInt64.max))", of: members)
                defer { client.close() }
                print(try await client.add(token, to: key).joined(separator: " "))
            }
        }
    }
}

extension Member {
    /// Creates a member from `name=host:port`.
    nonisolated init(text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let colon = parts[1].lastIndex(of: ":"), let port = Int(parts[1][colon...].dropFirst())
        else { throw ValidationError("a node must be given as name=host:port, got \(text.debugDescription)") }
        self.init(name: String(parts[0]), host: String(parts[1][..<colon]), port: port)
    }
}
