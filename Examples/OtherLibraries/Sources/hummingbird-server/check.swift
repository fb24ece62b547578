import AsyncHTTPClient
import AsyncIO
import Glibc
import NIOCore

/// Sends requests to the application, and at the end SIGTERM to the process.
///
/// - Returns: Whether all responses are right.
func check(_ url: String, _ words: Words, _ slowRequests: AsyncStream<Void>) async throws -> Bool {
    var failures = 0
    func check(_ what: String, _ isRight: Bool) {
        if !isRight { failures += 1 }
        print("\(isRight ? "ok   " : "WRONG") \(what)")
    }

    check("a handler runs on no loop", try await get("\(url)/loop").text == "none")
    let start = ContinuousClock.now
    let rightCount = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<500 {
            group.addTask { try await get("\(url)/words/word-\(number)").text == "the meaning of word-\(number)" }
        }
        return try await group.reduce(into: 0) { count, isRight in count += isRight ? 1 : 0 }
    }
    print("     500 requests: \(ContinuousClock.now - start)")
    check("500 requests at a time are answered", rightCount == 500)
    let connectionCount = await words.idleCount
    check("connections are used again", (1..<500).contains(connectionCount))
    check("a late response is status 504", try await get("\(url)/words/silence").status == 504)
    check("the next request works", try await get("\(url)/words/hello").text == "the meaning of hello")

    async let slow = get("\(url)/words/slow")
    for await _ in slowRequests { break }
    kill(getpid(), SIGTERM)
    let text = try await slow.text
    check("a request that has begun is answered after SIGTERM", text == "the meaning of slow")
    return failures == 0
}

private func get(_ url: String) async throws -> (status: UInt, text: String) {
    let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
    return (response.status.code, String(buffer: try await response.body.collect(upTo: 1_000)))
}
