// error: mutation of captured var 'count' in concurrently-executing code

import AsyncIO

@MainActor func use() async throws {
    var count = 0
    try await toThread { count += 1 }
    print(count)
}
