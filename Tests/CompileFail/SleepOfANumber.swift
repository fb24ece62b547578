// asyncio's spelling sleeps for that many seconds, and the compiler says what to write.
// warning: 'sleep' is deprecated: write the unit: sleep(.seconds(1)), sleep(.milliseconds(500))
// warning: 'sleep' is deprecated: write the unit: sleep(.seconds(0.5)), sleep(.milliseconds(500))
// warning: 'usleep' is deprecated: write the unit: sleep(.microseconds(500))
// warnings: 8

import AsyncIO

@MainActor func use(_ whole: Int, _ few: UInt32, _ part: Double, _ less: Float) async throws {
    try await sleep(1)
    try await sleep(0.5)
    try await sleep(whole)
    try await sleep(few)
    try await sleep(part)
    try await sleep(less)
    try await usleep(500)
    try await usleep(few)
    try await sleep(.seconds(1))
    try await sleep(.zero)
}
