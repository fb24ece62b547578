// `await` in top-level code: the same as an `async` main.

import AsyncIO
import AsyncIOMain
import Glibc

nonisolated func answer() async throws -> Int { 42 }

if CommandLine.arguments.last == "places" {
    let waiting = createTask { try await sleep(.seconds(60)) }
    try await withTimeout(.seconds(60)) {
        for frame in currentTask()?.stack ?? [] { print(frame.function, frame.line > 0) }
        try await sleep(.zero)
        for frame in waiting.stack { print(frame.function, frame.line > 0) }
    }
    exit(0)
}
if CommandLine.arguments.count > 1 { throw ValueError("top level") }
print(try await createTask { try await answer() }.value)
print(try await gather({ 1 }, { 2 }))
