internal import ArgumentParser
internal import AsyncIOSystem

struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints all available information about the loop and its tasks.")

    @OptionGroup var target: Target
    @Flag(help: "Print JSON; times are in nanoseconds.")
    var json = false

    func run() throws {
        if json {
            do {
                return print(try Client(pid: target.pid).json(.stacks), terminator: "")
            } catch {
                throw target.complaint(error)
            }
        }
        let snapshot = try target.snapshot()
        for line in snapshot.blockedLines + snapshot.deadlockLines { print(line) }
        if let loop = snapshot.loop {
            print(
                "\(snapshot.title): \(loop.tasks) tasks, \(loop.ready) ready, \(loop.timers) timers, "
                    + "\(loop.descriptors) descriptors, \(loop.connections) connections, "
                    + "received \(sizeInWords(bytes: loop.received)), sent \(sizeInWords(bytes: loop.sent))")
            print(
                "lag \(timeInWords(nanoseconds: loop.lag)), longest \(timeInWords(nanoseconds: loop.longestLag)); \(loop.turns) turns, \(loop.steps) steps; "
                    + "blocked \(loop.stalls) times, longest \(timeInWords(nanoseconds: loop.longestStall))")
        }
        for task in snapshot.tasks ?? [] {
            print("\n\(task.name) (\(task.id)): \(task.state)")
            print("  waits for \(task.waitsFor)" + (task.since.map { ", since \(timeInWords(nanoseconds: $0))" } ?? ""))
            if let created = task.created { print("  created at \(created)") }
            if task.cancelling > 0 { print("  cancellation requested \(task.cancelling) times") }
            if task.steps > 0 {
                print(
                    "  \(task.steps) steps, \(timeInWords(nanoseconds: task.runTime)), longest \(timeInWords(nanoseconds: task.longestStep))"
                )
            }
            for frame in task.stack ?? [] { print("    \(frame.function) at \(frame.place)") }
        }
    }
}
