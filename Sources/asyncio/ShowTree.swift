internal import ArgumentParser
internal import AsyncIOSystem

struct ShowTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pstree", abstract: "Shows which task is waiting for which, and where, as a tree.")

    @OptionGroup var target: Target

    func run() throws {
        let snapshot = try target.snapshot()
        for line in snapshot.blockedLines { print(line) }
        guard let tasks = snapshot.treeTasks else { return }
        let lines = TaskTree.lines(
            of: tasks, deadlocks: snapshot.deadlocks ?? [], omitted: snapshot.omitted ?? 0,
            stacksOmitted: snapshot.stacksOmitted ?? 0)
        for line in lines { print(line) }
    }
}
