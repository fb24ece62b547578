// stderr is a variable in C, but nothing changes it here.
@preconcurrency @unsafe import Glibc
import Tour

// `asyncio-tour NAME...` runs programs of the tour, and `--all` runs all of them. Without a name, it
// lists the programs.

let usage = "usage: asyncio-tour [NAME... | --all]"
let arguments = CommandLine.arguments.dropFirst()

func fail(_ message: String, status: Int32) -> Never {
    unsafe fputs("asyncio-tour: \(message)\n", stderr)
    exit(status)
}

func list() {
    let width = Program.all.map(\.name.count).max() ?? 0
    for program in Program.all {
        print(program.name + String(repeating: " ", count: width + 2 - program.name.count) + program.summary)
    }
}

func programs(named names: some Sequence<String>) -> [Program] {
    names.map { name in
        guard let program = Program.all.first(where: { $0.name == name }) else {
            fail(
                name.hasPrefix("-")
                    ? "unknown option '\(name)'; \(usage)"
                    : "there is no program '\(name)'; run asyncio-tour without a name for a list", status: EX_USAGE)
        }
        return program
    }
}

func run(_ programs: [Program]) {
    for program in programs {
        if programs.count > 1 { unsafe fputs("# \(program.name)\n", stderr) }
        do { try program.run() } catch { fail("\(program.name): \(error)", status: EXIT_FAILURE) }
    }
}

switch arguments {
case []: list()
case ["--all"]: run(Program.all)
case ["--help"], ["-h"]: print(usage)
default: run(programs(named: arguments))
}
