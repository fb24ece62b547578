// asyncio-loops: the same work on the loop of the process, and on any number of loops on threads of their own.
//
//     asyncio-loops process WORK COUNT    on the loop of `AsyncIO.run`
//     asyncio-loops LOOPS WORK COUNT      on so many EventLoopThreads at once, in a process with Swift's own
//                                         executors; COUNT operations on each
//     asyncio-loops process|LOOPS|LOOPS-batch|workers echo PORT
//     asyncio-loops 2 mailbox COUNT       items from four threads and a loop to another loop
//
// See ../../README.md.
import AsyncIO
import Glibc

do {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard arguments.count == 3, let number = Int(arguments[2]), number > 0 else { throw Usage() }
    switch (arguments[0], arguments[1], Work(rawValue: arguments[1])) {
    case ("process", "echo", _): try Echo(port: number).onLoopOfProcess()
    case ("workers", "echo", _): try Echo(port: number).inWorkers(2)
    case (let loops, "echo", _) where loops.hasSuffix("-batch"):
        try Echo(port: number).onLoops(count(String(loops.dropLast(6))), .batch)
    case (let loops, "echo", _): try Echo(port: number).onLoops(count(loops), .normal)
    case ("2", "mailbox", _): try mailbox(number)
    case ("process", _, let work?): try onLoopOfProcess(work, number)
    case (let loops, _, let work?): try onLoops(count(loops), work, number)
    default: throw Usage()
    }
} catch is Usage {
    print(
        """
        usage: asyncio-loops process|LOOPS spawn|switch|lock|queue|timeout|compute COUNT
               asyncio-loops process|LOOPS|LOOPS-batch|workers echo PORT
               asyncio-loops 2 mailbox COUNT
        """)
    exit(64)
}

/// The arguments are not valid. The exit status is 64.
struct Usage: Error {}

func count(_ loops: String) throws -> Int {
    guard let count = Int(loops), count > 0 else { throw Usage() }
    return count
}

func onLoopOfProcess(_ work: Work, _ count: Int) throws {
    try AsyncIO.run {
        // This run lets tables grow, and loads code.
        try await work.perform(count / 10 + 1)
        let measure = Measure()
        try await work.perform(count)
        measure.report(work.rawValue, operations: count)
    }
}

func onLoops(_ loops: Int, _ work: Work, _ count: Int) throws {
    let threads = try (0..<loops).map { try EventLoopThread(name: "io-\($0)") }
    func onEach(_ count: Int) throws {
        let ends = threads.map { io in io.submit { _ in try await work.perform(count) } }
        for end in ends { try end.wait() }
    }
    try onEach(count / 10 + 1)
    let measure = Measure()
    try onEach(count)
    measure.report(work.rawValue, operations: count * loops)
    for io in threads { try io.close() }
}
