import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Each session is cancelled at each of its waits in turn. It must end with the cancellation or
/// succeed, and must not leave a descriptor, a task, or a report.
@Suite(.eventLoop) struct CancelEverywhereTests {
    enum Kind: CaseIterable {
        /// `AsyncTask.cancel()`.
        case asyncio
        /// The cancellation of a plain Swift task.
        case native
    }

    /// Runs `session` repeatedly, and cancels it one wait later each time, until it ends before
    /// that.
    private func sweep(_ kind: Kind, _ session: @escaping () async throws -> Void) async throws {
        // For things that are created once and stay.
        try await session()
        let reports = try ReportRecorder()
        let before = Process.descriptors
        let others = Process.children
        var waits = 0
        var isOver = false
        while !isOver {
            let result = try await run(session, kind, cancelledAfter: waits)
            switch result {
            case .success: isOver = true
            case .failure(let error):
                #expect(error is CancellationError, "at wait \(waits): \(error)")
            }
            let place: Comment = "at wait \(waits)"
            do {
                try await eventually { Process.opened(since: before).isEmpty && allTasks().count == 1 }
            } catch {
                Issue.record("left at wait \(waits): \(Process.opened(since: before)), \(allTasks())")
                return
            }
            #expect(reports.messages == [], place)
            waits += 1
        }
        #expect(waits > 1)
        #expect(try await Process.hasNoZombies(but: others))
    }

    /// - Returns: success if the session ended before it had that many waits.
    private func run(
        _ session: @escaping () async throws -> Void, _ kind: Kind, cancelledAfter waits: Int
    ) async throws -> Result<Void, any Error> {
        let (task, cancel) = start(session, kind)
        // A turn of the loop counts as a wait. If the wait is for a thread or the system, it takes
        // a moment.
        for _ in 0..<waits where !task.isDone { try await sleep(.microseconds(20)) }
        let wasOver = task.isDone
        cancel()
        let (_, pending) = try await wait([task], timeout: .seconds(20))
        guard pending.isEmpty else { throw TimeoutError() }
        do {
            try task.result()
            // It was not over before, but succeeded anyway.
            return wasOver ? .success(()) : .failure(CancellationError())
        } catch {
            return .failure(error)
        }
    }

    /// Starts a task that ends with the session, and returns a closure that cancels it.
    private func start(
        _ session: @escaping () async throws -> Void, _ kind: Kind
    ) -> (task: AsyncTask<Void>, cancel: () -> Void) {
        switch kind {
        case .asyncio:
            let task = createTask { try await session() }
            return (task, { task.cancel() })
        case .native:
            let plain = Task { try await session() }
            return (createTask { try await plain.value }, { plain.cancel() })
        }
    }

    // MARK: Streams

    @Test(arguments: Kind.allCases) func aConversation(kind: Kind) async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, echoing)
        try await withServer(server) { server in
            let port = server.port
            try await sweep(kind) {
                let (reader, writer) = try await openConnection(host: "localhost", port: port)
                defer { writer.abort() }
                let large = [UInt8](repeating: 1, count: 4_000_000)
                let writing = createTask {
                    try await writer.write(large)
                    try writer.writeEOF()
                }
                defer { writing.cancel() }
                _ = try await reader.readExactly(1_000_000)
                _ = try await reader.read()
                try await writing.value
                writer.close()
                try await writer.waitClosed()
            }
        }
    }

    @Test(arguments: Kind.allCases) func aServerAndItsEnd(kind: Kind) async throws {
        try await sweep(kind) {
            let server = try await startServer(on: .tcp(hosts: ["127.0.0.1", "localhost"], port: 0), echoing)
            try await withServer(server, grace: .milliseconds(20)) { server in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                defer { writer.abort() }
                try await writer.write("hi\n")
                _ = try await reader.readLine()
                // This client stays connected, so its connection has to be closed.
                try await server.shutdown(within: .milliseconds(3))
                try await server.waitClosed()
            }
        }
    }

    @Test(arguments: Kind.allCases) func aServerForEver(kind: Kind) async throws {
        try await sweep(kind) {
            let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false), echoing)
            defer { server.close() }
            let ending = createTask {
                try await sleep(.milliseconds(2))
                server.close()
            }
            defer { ending.cancel() }
            do {
                try await server.serveForever()
            } catch is CancellationError where ending.isDone {}
        }
    }

    // MARK: TLS

    @Test(.requires(.tls), arguments: Kind.allCases) func aConversationOverTLS(kind: Kind) async throws {
        let context = try clientContext()
        try await withTLSServer { port in
            try await sweep(kind) {
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port, tls: context)
                defer { writer.abort() }
                try await writer.write("hi\n")
                _ = try await reader.readLine()
                writer.close()
                try await writer.waitClosed()
            }
        }
    }

    @Test(.requires(.tls), arguments: Kind.allCases) func aStartOfTLS(kind: Kind) async throws {
        let (client, server) = (try clientContext(), try serverContext())
        try await sweep(kind) {
            let (ours, theirs) = try Peer.pair()
            let (reader, writer) = try await openConnection(to: .socket(ours))
            defer { writer.abort() }
            let (_, other) = try await openConnection(to: .socket(theirs.giveUp()))
            defer { other.abort() }
            let answering = createTask { try await other.startTLS(server) }
            defer { answering.cancel() }
            try await writer.startTLS(client, serverHostname: "localhost")
            try await answering.value
            try await other.write("x")
            _ = try await reader.readExactly(1)
        }
    }

    // MARK: Transports and sockets

    @Test(arguments: Kind.allCases) func transportsOfEveryKind(kind: Kind) async throws {
        let loop = try EventLoop.running
        let directory = try Directory()
        try directory.make("file", pattern(3_000_000))
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        try await withServer(server) { server in
            let port = server.port
            try await sweep(kind) {
                let (transport, _) = try await loop.createConnection(host: "localhost", port: port) {
                    RecordingProtocol()
                }
                defer { transport.abort() }
                let file = open(directory("file"), O_RDONLY | O_CLOEXEC)
                defer { close(file) }
                try await loop.sendFile(transport, file)
                let (datagrams, _) = try await loop.createDatagramEndpoint(
                    localAddress: Endpoint(host: "127.0.0.1", port: 0)
                ) { Silent() }
                defer { datagrams.abort() }
                let socket = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
                defer { socket.close() }
                try datagrams.send([1], to: socket.localAddress)
                _ = try await socket.receive()
                _ = try await loop.getNameInfo(try Endpoint(host: "127.0.0.1", port: 80), isNumeric: true)
            }
        }
    }

    @Test(arguments: Kind.allCases) func rawSockets(kind: Kind) async throws {
        let loop = try EventLoop.running
        let server = try await startServer(host: "127.0.0.1", port: 0, echoing)
        try await withServer(server) { server in
            let port = server.port
            try await sweep(kind) {
                let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                defer { close(socket) }
                try await loop.sockConnect(socket, host: "localhost", port: port)
                let sending = createTask { try await loop.sockSendAll(socket, [UInt8](repeating: 1, count: 3_000_000)) }
                defer { sending.cancel() }
                var received = 0
                while received < 3_000_000 { received += try await loop.sockRecv(socket, 65_536).count }
                try await sending.value
            }
        }
    }

    // MARK: Processes, signals, files

    @Test(arguments: Kind.allCases) func aProcessInItsScope(kind: Kind) async throws {
        try await sweep(kind) {
            try await withSubprocess("cat", stdin: .pipe, stdout: .pipe, stderr: .pipe) { process in
                let (output, _) = try await process.communicate([UInt8](repeating: 7, count: 300_000))
                #expect(output?.count == 300_000)
            }
            try await withSubprocess(shell: "sleep 60 & wait", stdout: .pipe, grace: .seconds(5)) { process in
                try await sleep(.milliseconds(1))
            }
        }
    }

    @Test(arguments: Kind.allCases) func aProcessWithAProtocol(kind: Kind) async throws {
        let loop = try EventLoop.running
        final class Quiet: SubprocessProtocol {
            let ended = Event()
            func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) {}
            func connectionLost(_ error: (any Error)?) { ended.set() }
        }
        try await sweep(kind) {
            let (transport, receiver) = try await loop.subprocessExec("echo", arguments: ["hi"]) { Quiet() }
            do {
                try await receiver.ended.wait()
            } catch {
                transport.close()
                try await withCleanup(timeout: .seconds(5)) { try await receiver.ended.wait() }
                throw error
            }
        }
    }

    @Test(arguments: Kind.allCases) func signalsAndThreads(kind: Kind) async throws {
        try await sweep(kind) {
            let arrivals = try signals(.windowChange, .user2)
            let sending = createTask {
                for _ in 0..<3 {
                    kill(getpid(), SIGWINCH)
                    try await sleep(.microseconds(200))
                }
            }
            defer { sending.cancel() }
            var count = 0
            for try await _ in arrivals {
                count += 1
                if count == 2 { break }
            }
            try await sending.value
            _ = try await toThread { usleep(300) }
        }
    }

    @Test(arguments: FileBackend.available) func files(backend: FileBackend) async throws {
        try EventLoop.running.useFileBackend(backend)
        for kind in Kind.allCases {
            let directory = try Directory()
            try directory.make("old", pattern(2_000_000))
            try await sweep(kind) {
                directory.evict("old")
                let bytes = try await readFile(directory("old"))
                #expect(bytes.count == 2_000_000)
                try await withFile(directory("new"), .write) { file in
                    try await file.write(bytes)
                    try await file.truncate(to: 10)
                    try await file.sync()
                }
                try await withFile(directory("new")) { file in
                    for try await _ in file.lines {}
                }
                try await writeFile(directory("old"), bytes)
            }
        }
    }
}

private final class Silent: DatagramProtocol {
    func datagramReceived(_ bytes: [UInt8], from address: Endpoint) {}
}
