// An hour of a simulated system: clients that send requests to servers.
//
//     asyncio-simulation [SECONDS [RATE]]     the virtual time, and the requests in a second

import AsyncIO
import AsyncIOTesting

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let seconds = arguments.first ?? 3_600
let rate = arguments.dropFirst().first ?? 1_000
let (servers, clients) = (2, 3)

let start = ContinuousClock.now
let result = try simulate { net in
    try net.host("server", count: servers) {
        let server = try await startServer(port: 7_000) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await server.serveForever()
    }
    try await settled()
    var answers = 0
    try net.host("client", count: clients) {
        let target = try Host.current.index % servers
        let (reader, writer) = try await openConnection(host: "server-\(target)", port: 7_000)
        defer { writer.close() }
        let pause = Duration.seconds(1) * clients / rate
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try await writer.write("request\n")
            _ = try await reader.readLine()
            answers += 1
            try await sleep(pause - .microseconds(600))
        }
    }
    try await sleep(.seconds(seconds + 1))
    return (answers, net.eventCount, net.traceDigest)
}
let elapsed = start.duration(to: .now)
print("\(seconds) s, \(result.0) requests, \(result.1) events, digest \(String(result.2, radix: 16)): \(elapsed)")
