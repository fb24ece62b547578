// asyncio-loops: the same work on the loop of the process, and on any number of loops on threads of their own.
//
//     asyncio-loops process WORK COUNT        on the loop of `AsyncIO.run`
//     asyncio-loops thread WORK COUNT         on an EventLoopThread, in a process with Swift's own executors
//     asyncio-loops LOOPS WORK COUNT          on so many of them at once, COUNT operations on each
//     asyncio-loops mailbox COUNT             items from four threads and a loop to another loop
//     asyncio-loops echo PORT LOOPS [reuse]   an echo server on so many loops; `reuse`: a socket for each
//
// See ../../README.md.
import AsyncIO
import Glibc

do {
    let arguments = CommandLine.arguments.dropFirst()
    if arguments.first == "echo" {
        guard arguments.count >= 3, let port = Int(arguments[2]), let loops = Int(arguments[3]) else { throw Usage() }
        try echo(port: port, loops: loops, reusePort: arguments.last == "reuse")
        exit(0)
    }
    if arguments.first == "mailbox" {
        guard arguments.count == 2, let count = Int(arguments[2]), count > 0 else { throw Usage() }
        try mailbox(count)
        exit(0)
    }
    guard arguments.count == 3, let count = Int(arguments[3]), count > 0, let work = Work(rawValue: arguments[2])
    else { throw Usage() }
    switch arguments[1] {
    case "process":
        let seconds = try AsyncIO.run { try await work.measure(count) }
        report(work, count, seconds: [seconds])
    case "thread":
        let io = try EventLoopThread(name: "io")
        let seconds = try io.wait { _ in try await work.measure(count) }
        try io.close()
        report(work, count, seconds: [seconds])
    default:
        guard let loops = Int(arguments[1]), loops > 0 else { throw Usage() }
        let threads = try (0..<loops).map { try EventLoopThread(name: "io-\($0)") }
        let results = threads.map { io in io.submit { _ in try await work.measure(count) } }
        report(work, count * loops, seconds: try results.map { try $0.wait() })
        for io in threads { try io.close() }
    }
} catch is Usage {
    print("usage: asyncio-loops process|thread|LOOPS spawn|switch|lock|queue|timeout COUNT")
    exit(64)
}

/// The program was not called as it should be: exit status 64.
struct Usage: Error {}

func report(_ work: Work, _ operations: Int, seconds: [Double]) {
    print("{\"bench\": \"\(work.rawValue)\", \"n\": \(operations), \"wall_s\": \(seconds.max() ?? 0)}")
}
