internal import ArgumentParser
internal import AsyncIOSystem

struct ShowTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pstree", abstract: "Shows which task is waiting for which, and where, as a tree.")

    @OptionGroup var target: Target

    func run() throws {
        let loops = try target.snapshot().loops
        for line in TaskTree.lines(ofLoops: loops.map { ($0.name, $0.treeLines) }) { print(line) }
    }
}
