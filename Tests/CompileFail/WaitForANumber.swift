// What cannot be awaited cannot be waited for.
// error: global function 'wait(_:timeout:returnWhen:)' requires that 'Int' inherit from 'FutureBase'

import AsyncIO

@MainActor func use() async throws {
    _ = try await AsyncIO.wait([1, 2])
}
