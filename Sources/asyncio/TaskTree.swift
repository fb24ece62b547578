internal import ArgumentParser

struct TaskTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pstree", abstract: "Shows who waits for whom, as a tree, and where.")

    @OptionGroup var target: Target

    func run() throws {
        let snapshot = try target.snapshot(.tree)
        for line in snapshot.blockedLines { print(line) }
        if let tree = snapshot.tree { print(tree) }
    }
}
