// asyncio-bench: does what the benchmarks of other event loops do, through AsyncIO's public API. See ../../README.md
// for the sub-commands and what one operation of each is.
import AsyncIO
import Glibc

let arguments = Arguments(CommandLine.arguments.dropFirst())

func fileWork(_ index: Int) throws -> FileWork {
    guard let work = FileWork(rawValue: try arguments.text(index)) else { throw Usage() }
    return work
}

do {
    try AsyncIO.run {
        switch arguments.command {
        case "echo" where arguments.usesProtocols: try await echoWithProtocol(port: arguments.int(0))
        case "echo": try await echo(port: arguments.int(0))
        case "echo-tls":
            try await echoTLS(port: arguments.int(0), certificate: arguments.text(1), key: arguments.text(2))
        case "bytes":
            guard let work = ByteWork(rawValue: try arguments.text(0)) else { throw Usage() }
            try await bytes(
                work, arguments.int(1), in: arguments.text(2), certificate: try? arguments.text(3))
        case "spawn": try await spawn(arguments.int(0), batch: arguments.int(1))
        case "switch": try await switching(tasks: arguments.int(0), total: arguments.int(1))
        case "watching": try await switchingBesideAServer(tasks: arguments.int(0), total: arguments.int(1))
        case "files": try await files(fileWork(0), arguments.int(1), in: arguments.text(2))
        case "files-tothread": try await filesOnThreads(fileWork(0), arguments.int(1), in: arguments.text(2))
        case "pingpong": try await pingPong(arguments.int(0))
        case "mailbox": try await messages(arguments.int(0))
        case "convenience":
            guard let what = Convenience(rawValue: try arguments.text(0)) else { throw Usage() }
            try await convenience(what, arguments.int(1))
        case "scope":
            guard let what = Scope(rawValue: try arguments.text(0)) else { throw Usage() }
            try await scope(what, arguments.int(1))
        case "broadcast": try await broadcast(subscribers: arguments.int(0), total: arguments.int(1))
        case "copy": try await copying(byHand: false, arguments.int(0))
        case "copy-by-hand": try await copying(byHand: true, arguments.int(0))
        case "copy-both-ways": try await copyingBothWays(arguments.int(0))
        case "sleepers": try await sleepers(arguments.int(0), for: .seconds(arguments.double(1)))
        case "timers": try await timers(arguments.int(0), batch: arguments.int(1))
        case "lock": try await lock(tasks: arguments.int(0), total: arguments.int(1))
        case "threadsafe": try await threadSafeCalls(threads: arguments.int(0), total: arguments.int(1))
        case "hop": try await hops(arguments.int(0))
        case "foreign-stream": try await foreignStream(arguments.int(0))
        case "lineserver": try await lineServer(port: arguments.int(0))
        case "lineload":
            try await lineLoad(
                port: arguments.int(0), connections: arguments.int(1), for: .seconds(arguments.double(2)))
        default: throw Usage()
        }
    }
} catch is Usage {
    complain(
        "usage: asyncio-bench [--proto] echo|echo-tls|bytes|spawn|switch|watching|files|files-tothread|pingpong|mailbox|convenience|scope|broadcast|copy|copy-by-hand|copy-both-ways|sleepers|timers|lock|threadsafe|hop|foreign-stream|lineserver|lineload ARGS..."
    )
    exit(64)
} catch {
    complain("asyncio-bench: \(error)")
    exit(1)
}
