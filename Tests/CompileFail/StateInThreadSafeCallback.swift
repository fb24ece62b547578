// Another thread can pass only Sendable values.
// error: capture of 'ledger' with non-Sendable type 'Ledger' in a '@Sendable' closure

import AsyncIO

final class Ledger { var sum = 0 }

@MainActor func use(_ loop: EventLoop) throws {
    let ledger = Ledger()
    try loop.callSoonThreadSafe { ledger.sum += 1 }
}
