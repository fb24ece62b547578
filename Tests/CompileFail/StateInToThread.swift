// Work on another thread must not share non-Sendable values.
// error: capture of 'ledger' with non-Sendable type 'Ledger' in a '@Sendable' closure

import AsyncIO

final class Ledger { var sum = 0 }

@MainActor func use() async throws {
    let ledger = Ledger()
    try await toThread { ledger.sum += 1 }
    ledger.sum += 1
}
