// The interpreter of scenarios: one scenario, as JSON, per line of input; for each, the
// lines of its trace and a line with a single dot.
//
// The same scenarios run on CPython's asyncio, whose traces are the yardstick.

import Glibc

while let line = readLine() {
    guard let json = JSON(line) else { continue }
    let trace = try Interpreter(Scenario(json)).run()
    print(trace.joined(separator: "\n"))
    print(".")
    fflush(nil)
}
