// What an `async` main can do if it links AsyncIOMain: everything, and all of it on the thread on
// which the process started. Prints what went wrong, or "all on one thread".

import AsyncIO
import AsyncIOMain
import Glibc

@main
enum Program {
    static func main() async throws {
        let home = thread()
        var mistakes: [String] = []
        func check(_ what: String, _ here: UInt) { if here != home { mistakes.append(what) } }

        try await sleep(.milliseconds(1))
        check("after sleep", thread())
        try await Task.sleep(for: .milliseconds(1))
        check("after Task.sleep", thread())
        check("createTask", try await createTask { thread() }.value)
        check("Task", await Task { thread() }.value)
        check("Task.detached", await Task.detached { thread() }.value)
        async let child = offActor()
        check("async let", await child)
        check("a default actor", await Elsewhere().thread())
        if try await toThread({ thread() }) == home { mistakes.append("toThread stayed") }
        let queue = Queue<Int>()
        createTask { for number in 0..<3 { try await queue.put(number) } }
        for number in 0..<3 where try await queue.get() != number { mistakes.append("Queue") }

        print(mistakes.isEmpty ? "all on one thread" : "elsewhere: \(mistakes.joined(separator: ", "))")
    }
}

nonisolated func thread() -> UInt { UInt(pthread_self()) }
@concurrent nonisolated func offActor() async -> UInt { thread() }
actor Elsewhere { func thread() -> UInt { async_main_program.thread() } }
