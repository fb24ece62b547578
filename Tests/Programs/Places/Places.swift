// Tasks that wait in all sorts of ways, each of which knows the line at which it waits. Prints a
// line for each task for which the library reports another place. Also run as a release build,
// because an optimized program has functions in pieces, nested, and in another order.

import AsyncIO

struct Expectation {
    let task: AnyAsyncTask
    /// Innermost first. More lines may follow.
    let lines: [Int]
}

var expectations: [Expectation] = []

func expect(_ name: String, _ lines: [Int], _ body: @escaping () async throws -> Void) {
    expectations.append(Expectation(task: createTask(name: name, body), lines: lines))
}

let (first, second) = (Lock(), Lock())
let never = Event()
let empty = Queue<Int>()

func inner() async throws {
    try await sleep(.zero)
    try await never.wait()
    print("never")
}
let innerLine = #line - 3

func outer(_ count: Int) async throws {
    for index in 0..<count {
        try await sleep(.zero)
        if index == count - 1 {
            try await inner()
        }
    }
    try await sleep(.zero)
}
let outerLine = #line - 5

func generic<T>(_ value: T) async throws -> T {
    try await sleep(.zero)
    try await never.wait()
    return value
}
let genericLine = #line - 3

func lastCall() async throws { try await inner() }

final class Holder {
    var items: [Int] = []

    func take() async throws -> Int {
        while true {
            try await sleep(.zero)
            items.append(try await empty.get())
            items.append(1)
        }
    }
    static let takeLine = #line - 4
}

func startAll() {
    expect("wait", [#line + 3]) {
        try await sleep(.zero)
        try await sleep(.zero)
        try await never.wait()
        try await sleep(.zero)
    }
    expect("nested locks", [#line + 3, #line + 1]) {
        try await first.withLock {
            try await sleep(.zero)
            try await second.withLock {
                try await sleep(.zero)
            }
        }
        try await sleep(.zero)
    }
    expect("calls", [innerLine, outerLine, #line + 2]) {
        try await sleep(.zero)
        try await outer(3)
        try await sleep(.zero)
    }
    expect("generic", [genericLine, #line + 1]) {
        _ = try await generic(7)
        _ = try await generic("seven")
    }
    // With optimization, a function that only calls another one is no longer on the stack.
    expect("last call", [innerLine]) {
        try await lastCall()
    }
    expect("method", [Holder.takeLine, #line + 2]) {
        let holder = Holder()
        print(try await holder.take())
    }
    expect("catch", [#line + 5]) {
        do {
            try await sleep(.zero)
            throw ValueError("wrong")
        } catch {
            _ = try await empty.get()
        }
    }
    expect("time limit", [#line + 3, #line + 1]) {
        try await withTimeout(.seconds(1000)) {
            try await sleep(.zero)
            try await never.wait()
        }
        try await sleep(.zero)
    }
    expect("group", [#line + 3, #line + 1]) {
        try await withAsyncTaskGroup { group in
            try group.createTask(name: "child") { try await sleep(.zero) }
            try await sleep(.seconds(1000))
        }
        try await sleep(.zero)
    }
}

@main
struct Places {
    static func main() throws {
        try AsyncIO.run {
            // Another task has the second lock.
            try await second.acquire()
            // The first symbolization takes long.
            try EventLoop.running.blockedThreshold = nil
            startAll()
            for _ in 0..<20 { try await sleep(.zero) }
            var isRight = true
            for expectation in expectations {
                let stack = expectation.task.stack
                let found = stack.map { $0.file?.hasSuffix("Places/Places.swift") == true ? $0.line : 0 }
                if Array(found.prefix(expectation.lines.count)) == expectation.lines { continue }
                isRight = false
                print("\(expectation.task.name): expected lines \(expectation.lines), found")
                for frame in stack { print("    \(frame)") }
            }
            let stack = try await nestedCurrent()
            if stack.first?.line != currentLine {
                isRight = false
                print("current task: expected line \(currentLine), found \(stack)")
            }
            for expectation in expectations { expectation.task.cancel() }
            guard isRight else { throw ValueError("wrong places") }
            print("\(expectations.count + 1) places, all right")
        }
    }
}

@inline(never)
func nestedCurrent() async throws -> [CallGraphFrame] {
    try await sleep(.zero)
    return currentTask()?.stack ?? []
}
let currentLine = #line - 2
