import AsyncIO
final class Box { var n = 0 }
try AsyncIO.run {
    let b = Box()
    let t = createTask { b.n += 1; try await sleep(.milliseconds(10)); return b }
    print(try await t.value.n)
    let (x, y) = try await gather({ try await sleep(.milliseconds(5)); return 1 }, { "two" })
    print(x, y)
    do { try await withTimeout(.milliseconds(10)) { try await Task.sleep(for: .seconds(5)) } } catch { print("timeout:", error) }
    try await Task.sleep(for: .milliseconds(1))
    print("foreign sleep works after")
    let lock = Lock()
    var log: [Int] = []
    try await withAsyncTaskGroup { group in
        for i in 0..<3 { try group.createTask { for _ in 0..<2 { try await lock.withLock { log.append(i); try await sleep(.zero) } } } }
    }
    print(log)
    let gen = AsyncGenerator<Int> { yield in for i in 0..<3 { try await yield(i) } }
    for try await g in gen { print("gen", g) }
    print(try await toThread { 42 })
    let q = Queue<Int>(maxSize: 1)
    let p = createTask { for i in 0..<5 { try await q.put(i) }; q.shutdown() }
    for try await i in q { print("q", i) }
    try await p.value
    try await withAsyncTaskGroup { g in
        try g.createTask { try await Task.sleep(for: .seconds(50)) }
        try g.createTask { throw ValueError("boo") }
    }
}
