import AsyncIO

public final class Stock {
    private let lock = Lock()
    public private(set) var count = 0

    public init() {}

    public func add(_ number: Int) async throws {
        try await lock.withLock { count += number }
    }
}

@MainActor public func fill(_ queue: Queue<Int>) async throws {
    for number in 1...3 { try await queue.put(number) }
}

extension Queue where Element == Int {
    @MainActor public func takeTwo() async throws -> Int { try await get() + get() }
}
