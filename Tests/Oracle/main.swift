// The interpreter of scenarios. Each line of input is a scenario as JSON. The output for each is
// the lines of its trace, and a line with a single dot.
//
// The same scenarios run on CPython's asyncio, whose traces are the reference.

import Glibc

//
// With `--loop-thread`, the scenarios run on a loop that is not the process's, as on an EventLoopThread.

let isOnItsOwn = CommandLine.arguments.contains("--loop-thread")

while let line = readLine() {
    guard let json = JSON(line) else { continue }
    let trace = try Interpreter(Scenario(json), isOnItsOwn: isOnItsOwn).run()
    print(trace.joined(separator: "\n"))
    print(".")
    fflush(nil)
}
