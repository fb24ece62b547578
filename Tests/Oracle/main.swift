// The interpreter of scenarios. Each line of input is a scenario as JSON. The output for each is
// the lines of its trace, and a line with a single dot.
//
// The same scenarios run on CPython's asyncio, whose traces are the reference.

import Glibc

while let line = readLine() {
    guard let json = JSON(line) else { continue }
    let trace = try Interpreter(Scenario(json)).run()
    print(trace.joined(separator: "\n"))
    print(".")
    fflush(nil)
}
