import AsyncIO
import Glibc

/// What the peers of servers do, both polite and rude ones.
func networkScenarios(_ servers: Servers) -> [Scenario] {
    /// A connection to one of the echo servers.
    func connect() async throws -> (StreamReader, StreamWriter) {
        switch chance.next(in: 0...3) {
        case 0: try await openConnection(to: .unix(path: servers.path))
        case 1:
            try await openConnection(host: "127.0.0.1", port: servers.secure.port, tls: servers.client)
        default: try await openConnection(host: "127.0.0.1", port: servers.port)
        }
    }

    func bytes(upTo count: Int) -> [UInt8] {
        (0..<chance.next(in: 1...count)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    }

    return [
        Scenario("a question and its answer") {
            let (reader, writer) = try await connect()
            defer { writer.close() }
            for _ in 0..<chance.next(in: 1...5) {
                let question = bytes(upTo: 40_000)
                try await writer.write(question)
                try expect(try await reader.readExactly(question.count) == question, "wrong answer")
            }
            writer.close()
            try await writer.waitClosed()
        },
        Scenario("half a close") {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: servers.port)
            defer { writer.close() }
            let question = bytes(upTo: 300_000)
            let (_, answer) = try await gather(
                {
                    try await writer.write(question)
                    try writer.writeEOF()
                },
                { try await reader.read() })
            try expect(answer == question, "received \(answer.count) of \(question.count) bytes")
        },
        Scenario("one byte at a time") {
            let (reader, writer) = try await connect()
            defer { writer.close() }
            for byte in "drip\n".utf8 {
                try await writer.write([byte])
                try await sleep(.zero)
            }
            try expect(try await reader.readLine() == Array("drip\n".utf8), "wrong line")
        },
        Scenario("a reset") {
            let (_, writer) = try await connect()
            try await writer.write(bytes(upTo: 200_000))
            writer.reset()
        },
        Scenario("an abort") {
            let (_, writer) = try await connect()
            try await writer.write(bytes(upTo: 1000))
            if chance.once(in: 2) { try await sleep(.zero) }
            writer.abort()
            try? await writer.waitClosed()
        },
        Scenario("a stall") {
            let (reader, writer) = try await connect()
            defer { writer.close() }
            try await writer.write("half a li")
            do {
                _ = try await withTimeout(some(1...1500)) { try await reader.readLine() }
            } catch is TimeoutError {
            } catch is TLSError {}
        },
        Scenario("who never reads") {
            let (_, writer) = try await openConnection(host: "127.0.0.1", port: servers.port)
            defer { writer.abort() }
            let part = [UInt8](repeating: 1, count: 100_000)
            do {
                try await withTimeout(some(1...200)) { while true { try await writer.write(part) } }
            } catch is TimeoutError {
                try expect(writer.bufferedCount < 300_000, "\(writer.bufferedCount) bytes are buffered")
            } catch is OSError {}
        },
        Scenario("a task that is cancelled as it talks") {
            let task = createTask {
                let (reader, writer) = try await connect()
                defer { writer.close() }
                while true {
                    try await writer.write(bytes(upTo: 20_000))
                    _ = try await reader.read(10_000)
                    // Otherwise, virtual time would stand still.
                    try await sleep(.milliseconds(1))
                }
            }
            try await sleep(some(0...20))
            task.cancel()
            do { try await task.value } catch is CancellationError {}
        },
        Scenario("who leaves without a word") {
            let (_, writer) = try await connect()
            try await writer.write("bye\n")
        },
        Scenario("a rude server") {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: servers.rude.port)
            defer { writer.close() }
            do {
                try await writer.write(bytes(upTo: 1000))
                _ = try await withTimeout(.seconds(1)) { try await reader.read() }
            } catch is TimeoutError {
            } catch let error as OSError {
                try expect(error.isConnectionError, "\(error)")
            }
        },
        Scenario("a rude server under TLS") {
            do {
                let (_, writer) = try await openConnection(
                    host: "127.0.0.1", port: servers.rude.port, tls: servers.client)
                writer.close()
                throw Failure("a handshake succeeded with a server that makes none")
            } catch is TLSError {
            } catch is OSError {}
        },
        Scenario("garbage in place of a handshake") {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: servers.secure.port)
            defer { writer.close() }
            do {
                try await writer.write(bytes(upTo: 2000))
                _ = try await withTimeout(.milliseconds(20)) { try await reader.read() }
            } catch is TimeoutError {
            } catch is OSError {}
        },
        Scenario("a handshake that is cancelled") {
            let task = createTask {
                try await openConnection(
                    host: "127.0.0.1", port: servers.secure.port, tls: servers.client
                ).1.close()
            }
            try await sleep(some(0...3))
            task.cancel()
            do { try await task.value } catch is CancellationError {}
        },
        Scenario("nobody there") {
            do {
                _ = try await openConnection(to: .unix(path: "/tmp/nobody-\(getpid())"))
                throw Failure("connected to a port without a listener")
            } catch is OSError {}
        },
        Scenario("a server of one's own") {
            let isSlow = chance.once(in: 3)
            let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                let line = try await reader.readLine()
                if isSlow { try await sleep(.milliseconds(50)) }
                try await writer.write(line)
            }
            try await withServer(server, grace: .milliseconds(20)) { server in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                defer { writer.close() }
                try await writer.write("hello\n")
                if !isSlow { try expect(try await reader.readLine() == Array("hello\n".utf8), "no echo") }
            }
        },
        Scenario("datagrams") {
            let address = try servers.datagrams.localAddress ?? Endpoint(host: "127.0.0.1", port: 1)
            let socket = try await openDatagramSocket(remoteAddress: address)
            defer { socket.close() }
            do {
                for number in 0..<5 {
                    try await socket.send("datagram \(number)")
                    _ = try await withTimeout(.milliseconds(100)) { try await socket.receive() }
                }
            } catch is TimeoutError {}
        },
        Scenario("a transport") {
            let loop = try EventLoop.running
            let (transport, receiver) = try await loop.createConnection(host: "127.0.0.1", port: servers.port) {
                Receiver()
            }
            try transport.write([UInt8](repeating: 3, count: 5000))
            if chance.once(in: 3) { transport.pauseReading() }
            _ = try? await withTimeout(some(1...50)) { try await receiver.hasEnough.wait() }
            chance.once(in: 2) ? transport.close() : transport.abort()
            try await receiver.isLost.wait()
        },
    ]
}

private final class Receiver: ConnectionProtocol {
    private var count = 0
    let hasEnough = Event()
    let isLost = Event()

    func dataReceived(_ bytes: [UInt8]) {
        count += bytes.count
        if count >= 5000 { hasEnough.set() }
    }
    func connectionLost(_ error: (any Error)?) { isLost.set() }
}
