// Scenarios that tests run in a process of its own: `session`, which uses everything once while
// system calls fail; `activated`, a server on a supervisor's socket; and `idle N`, which holds
// connections.
import AsyncIO
import Glibc
import SystemPackage

let arguments = CommandLine.arguments
switch arguments.count > 1 ? arguments[1] : "" {
case "session": runSession()
case "activated": try AsyncIO.run { try await serveActivated() }
case "idle": try AsyncIO.run { try await holdConnections(Int(arguments[2]) ?? 0) }
default: exit(64)
}

/// Prints a line at once, even into a pipe.
func say(_ text: String) { _ = try? FileDescriptor.standardOutput.writeAll((text + "\n").utf8) }

func descriptors() -> Int {
    var count = 0
    guard let directory = opendir("/proc/self/fd") else { return -1 }
    while readdir(directory) != nil { count += 1 }
    closedir(directory)
    return count
}

// MARK: A session under faults

/// Prints how the session ended, and how many descriptors it left open.
func runSession() {
    // Dispatch's main queue has a descriptor from the first loop on, as long as the process lives.
    if let symbol = dlsym(nil, "_dispatch_get_main_queue_handle_4CF") {
        _ = unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)()
    }
    let before = descriptors()
    var end = "ok"
    do {
        try AsyncIO.run { try await withTimeout(.seconds(8)) { try await session() } }
    } catch {
        end = "\(type(of: error)): \(error)"
    }
    // By then a thread of the pool has closed what it was given.
    for _ in 0..<200 where descriptors() > before { usleep(1000) }
    var child = siginfo_t()
    let hasChildren = waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0
    say("end: \(end)")
    say("leaked: \(descriptors() - before + (hasChildren ? 1 : 0))")
}

func session() async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0, echo)
    try await withServer(server, grace: .milliseconds(50)) { server in
        let port = server.port
        try await talk(try await openConnection(host: "127.0.0.1", port: port))
        try await useTransport(port: port)
    }
    let path = "/tmp/asyncio-session-\(getpid())"
    defer { unlink(path) }
    let unix = try await startServer(on: .unix(path: path), echo)
    try await withServer(unix, grace: .milliseconds(50)) { _ in
        try await talk(try await openConnection(to: .unix(path: path)))
    }
    try await usePipe()
    try await useDatagrams()
    try await useTLS()
    try await useFiles()
    try await useSubprocess()
}

func useTLS() async throws {
    guard let certificate = variable("SESSION_CERTIFICATE"), let authority = variable("SESSION_AUTHORITY") else {
        return
    }
    let tls = try TLSContext.server(certificate: certificate, key: variable("SESSION_KEY"))
    let client = try TLSContext.client(systemTrust: false)
    try client.trust(file: authority)
    let server = try await startServer(host: "127.0.0.1", port: 0, tls: tls, echo)
    try await withServer(server, grace: .milliseconds(50)) { server in
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port, tls: client)
        defer { writer.abort() }
        try await writer.write([UInt8](repeating: 1, count: 20_000))
        _ = try await reader.readExactly(20_000)
        writer.close()
        try await writer.waitClosed()
    }
}

func useFiles() async throws {
    let path = "/tmp/asyncio-session-file-\(getpid())"
    defer { unlink(path) }
    try await withFile(path, .write) { file in
        try await file.write("one\n")
        try await file.sync()
    }
    try await withReplacement(of: path) { file in try await file.write("two\nthree\n") }
    var lines: [String] = []
    try await withFile(path) { file in for try await line in file.lines { lines.append(line) } }
    guard lines == ["two", "three"] else { throw ValueError("the file has \(lines)") }
}

func useSubprocess() async throws {
    // Without the faults, which are not meant for the child.
    try await withSubprocess("/bin/cat", stdin: .pipe, stdout: .pipe, options: .init(environment: [:])) { process in
        let (output, _) = try await process.communicate([UInt8](repeating: 1, count: 5000))
        guard output?.count == 5000 else { throw ValueError("cat returned \(output?.count ?? -1) bytes") }
    }
}

func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

func echo(_ reader: StreamReader, _ writer: StreamWriter) async throws {
    while true {
        let bytes = try await reader.read(65_536)
        if bytes.isEmpty { return }
        try await writer.write(bytes)
    }
}

func talk(_ streams: (StreamReader, StreamWriter)) async throws {
    let (reader, writer) = streams
    defer { writer.close() }
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 >> 2) }
    let writing = createTask {
        try await writer.write(bytes)
        try writer.writeEOF()
    }
    do {
        let answer = try await reader.read()
        try await writing.value
        guard answer == bytes else { throw IncompleteReadError(partial: [], expected: bytes.count) }
    } catch {
        writing.cancel()
        _ = try? await writing.value
        throw error
    }
}

final class Collector: ConnectionProtocol {
    var bytes: [UInt8] = []
    var error: (any Error)?
    let isEnough = Event()
    func dataReceived(_ bytes: [UInt8]) {
        self.bytes += bytes
        if self.bytes.count >= 5 { isEnough.set() }
    }
    func connectionLost(_ error: (any Error)?) {
        self.error = error
        isEnough.set()
    }
}

func useTransport(port: Int) async throws {
    let (transport, receiver) = try await EventLoop.running.createConnection(host: "127.0.0.1", port: port) {
        Collector()
    }
    defer { transport.close() }
    try transport.write("hello")
    try await receiver.isEnough.wait()
    if let error = receiver.error { throw error }
    guard receiver.bytes.count == 5 else { throw IncompleteReadError(partial: receiver.bytes, expected: 5) }
}

func usePipe() async throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw OSError(.init(rawValue: errno), "pipe") }
    let loop = try EventLoop.running
    let reading: (Transport, Collector)
    do { reading = try await loop.connectReadPipe(ends[0]) { Collector() } } catch {
        close(ends[1])
        throw error
    }
    defer { reading.0.close() }
    let (writer, _) = try await loop.connectWritePipe(ends[1]) { Collector() }
    try writer.write("hello")
    writer.close()
    try await reading.1.isEnough.wait()
    if let error = reading.1.error { throw error }
}

func useDatagrams() async throws {
    let server = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
    defer { server.close() }
    let client = try await openDatagramSocket(remoteAddress: server.localAddress)
    defer { client.close() }
    try await client.send("hello")
    let (bytes, sender) = try await server.receive()
    try await server.send(bytes, to: sender)
    _ = try await client.receive()
}

// MARK: A supervisor's socket

func serveActivated() async throws {
    let server = try await startServer(on: .sockets(Server.takeSystemdSockets())) { reader, writer in
        try await writer.write("activated: \(try await reader.readText(until: "\n"))\n")
    }
    say("port \(server.port) \(Server.takeSystemdSockets().count) \(getenv("LISTEN_FDS") == nil)")
    try? await server.serveForever()
}

// MARK: Idle connections

/// In bytes.
func residentMemory() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return -1 }
    defer { fclose(file) }
    var size = 0
    var resident = 0
    return withUnsafeMutablePointer(to: &size) { size in
        withUnsafeMutablePointer(to: &resident) { resident in
            _ = withVaList([size, resident]) { vfscanf(file, "%ld %ld", $0) }
            return resident.pointee * Int(sysconf(Int32(_SC_PAGESIZE)))
        }
    }
}

/// Holds `count` connections, each of which has sent a line and received it back, and prints how
/// many bytes each of them costs this process. Sends a line on each of them again when it is told
/// to continue.
func holdConnections(_ count: Int) async throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    var before = 0
    let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(backlog: 4096)) { reader, writer in
        while true {
            let line = try await reader.readLine()
            if line.isEmpty { return }
            try await writer.write(line)
        }
    }
    say("port \(server.port)")
    // Memory that the first connections load is not counted as theirs.
    while server.connectionCount < 100 { try await sleep(.milliseconds(1)) }
    try await sleep(.milliseconds(300))
    before = residentMemory()
    while server.connectionCount < 100 + count { try await sleep(.milliseconds(5)) }
    try await sleep(.milliseconds(500))
    say("each \((residentMemory() - before) / count)")
    while server.connectionCount > 0 { try await sleep(.milliseconds(20)) }
    say("descriptors \(descriptors())")
    server.close()
}
