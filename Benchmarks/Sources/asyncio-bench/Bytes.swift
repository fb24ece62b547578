import AsyncIO
import Glibc

/// The public calls that move bytes. Both sides of each are in this process, so that the counts can be repeated.
enum ByteWork: String {
    /// A writer or a transport writes 64 pieces, small and large, in one call, and the other side reads them.
    case writeLines = "write-lines"
    case transportWriteLines = "transport-write-lines"
    /// A line of 80 bytes, one of 200 lines that arrive at once.
    case lines
    /// A part of 80 bytes that ends in a blank line, one of 200 parts that arrive at once.
    case readUntil = "read-until"
    /// 64 bytes, of 12,800 bytes that arrive at once.
    case readExactly = "read-exactly"
    /// A frame of 64 bytes and its length, one of 200 frames that are encoded and sent at once.
    case frames
    /// A line of 80 bytes as a frame of text, one of 200 frames that are encoded and sent at once.
    case lineFrames = "line-frames"
    /// An integer of 32 bits, one of 200 that a corked writer sends at once.
    case integers
    /// An integer of 32 bits and a frame of 64 bytes, each of which is sent and read separately.
    case writeFrame = "write-frame"
    /// The pieces of `writeLines` and as many short texts, which a corked writer sends at once.
    case corked
    /// 64 bytes that are peeked at and then read, of 12,800 bytes that arrive at once.
    case peek
    /// A connection that begins with the header of the PROXY protocol, and ends after a byte in return.
    case proxyHeader = "proxy-header"
    /// 4 KiB, into memory of the caller.
    case readInto = "read-into"
    /// 16 KiB, sent to a child process and back.
    case communicate
    /// 64 KiB to a file, from a file as text, and from a file to a socket.
    case fileWrite = "file-write"
    case readText = "read-text"
    case sendFile = "send-file"
    /// A datagram of 512 bytes, sent and received.
    case datagrams
    /// 16 KiB over TLS.
    case tls
}

/// - Parameter directory: The directory for a file of 64 KiB.
/// - Parameter certificate: A file with a certificate for localhost and its key, for `tls`.
func bytes(_ work: ByteWork, _ count: Int, in directory: String, certificate: String?) async throws {
    switch work {
    case .communicate, .fileWrite, .readText: try await bytesOfFiles(work, count, in: directory)
    case .sendFile, .transportWriteLines: try await bytesOfTransports(work, count, in: directory)
    case .datagrams:
        let receiver = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        let sender = try await openDatagramSocket(remoteAddress: receiver.localAddress)
        let datagram = [UInt8](repeating: 1, count: 512)
        let measure = Measure()
        for _ in 0..<count {
            try await sender.send(datagram)
            _ = try await receiver.receive()
        }
        measure.report("bytes-\(work.rawValue)", operations: count)
        sender.close()
        receiver.close()
    case .proxyHeader: try await proxiedConnections(count)
    case .writeLines, .lines, .readUntil, .readExactly, .frames, .lineFrames, .integers, .writeFrame, .corked, .peek,
        .readInto, .tls:
        try await bytesOfStreams(work, count, certificate: certificate)
    }
}

private let pieces = (0..<64).map { [UInt8](repeating: 1, count: $0 % 16 == 15 ? 4096 : 80) }
private let piecesSize = pieces.reduce(0) { $0 + $1.count }

private func bytesOfStreams(_ work: ByteWork, _ count: Int, certificate: String?) async throws {
    var (serverSide, clientSide): (TLSContext?, TLSContext?) = (nil, nil)
    if work == .tls {
        guard let certificate else { throw Usage() }
        serverSide = try .server(certificate: certificate, key: certificate)
        clientSide = try .client(systemTrust: false)
        try clientSide?.trust(file: certificate)
    }
    let accepted = Future<StreamWriter>()
    let isOver = Event()
    let server = try await startServer(host: "127.0.0.1", port: 0, tls: serverSide) { _, writer in
        try accepted.setResult(writer)
        try await isOver.wait()
    }
    let (reader, writer) = try await openConnection(host: "localhost", port: server.port, tls: clientSide)
    let peer = try await accepted.value
    let line = [UInt8](repeating: 0x78, count: 79) + [0x0A]
    let part = [UInt8](repeating: 0x78, count: 76) + Array("\r\n\r\n".utf8)
    let block = 200
    let measure = Measure()
    switch work {
    case .writeLines:
        var memory = [UInt8](repeating: 0, count: piecesSize)
        for _ in 0..<count {
            try await peer.writeLines(pieces)
            try await drain(reader, into: &memory)
        }
    case .lines:
        var lines = reader.lines.makeAsyncIterator()
        let bytes = Array(repeatElement(line, count: block).joined())
        for _ in 0..<(count / block) {
            try await peer.write(bytes)
            for _ in 0..<block { _ = try await lines.next() }
        }
    case .readUntil:
        let bytes = Array(repeatElement(part, count: block).joined())
        for _ in 0..<(count / block) {
            try await peer.write(bytes)
            for _ in 0..<block { _ = try await reader.readUntil(Array("\r\n\r\n".utf8)) }
        }
    case .readExactly:
        let bytes = [UInt8](repeating: 1, count: 64 * block)
        for _ in 0..<(count / block) {
            try await peer.write(bytes)
            for _ in 0..<block { _ = try await reader.readExactly(64) }
        }
    case .frames:
        let codec = LengthPrefixedCodec(length: UInt32.self, maxLength: 1_024)
        let frame = [UInt8](repeating: 1, count: 64)
        try await pass(frame, codec, from: peer, to: reader, blocks: count / block, of: block)
    case .lineFrames:
        let line = String(repeating: "x", count: 79)
        try await pass(line, .lines(maxLength: 1_024), from: peer, to: reader, blocks: count / block, of: block)
    case .integers:
        for start in 0..<(count / block) {
            try await peer.corked { message in
                for index in 0..<block { message.writeInteger(UInt32(start + index)) }
            }
            for index in 0..<block {
                guard try await reader.readInteger(as: UInt32.self) == start + index else {
                    throw RuntimeError("wrong integer")
                }
            }
        }
    case .writeFrame:
        let codec = LengthPrefixedCodec(length: UInt32.self, maxLength: 1_024)
        let frame = [UInt8](repeating: 1, count: 64)
        for index in 0..<count {
            try await peer.writeInteger(UInt32(index))
            try await peer.writeFrame(frame, codec)
            guard try await reader.readInteger(as: UInt32.self) == index, try await codec.read(from: reader) == frame
            else { throw RuntimeError("wrong frame") }
        }
    case .corked:
        let text = "Content-Length: "
        var memory = [UInt8](repeating: 0, count: piecesSize + pieces.count * text.utf8.count)
        for _ in 0..<count {
            try await peer.corked { message in
                for piece in pieces {
                    message.write(text)
                    message.write(piece)
                }
            }
            try await drain(reader, into: &memory)
        }
    case .peek:
        let bytes = [UInt8](repeating: 1, count: 64 * block)
        for _ in 0..<(count / block) {
            try await peer.write(bytes)
            for _ in 0..<block {
                guard try await reader.peek(64) == reader.readExactly(64) else { throw RuntimeError("wrong bytes") }
            }
        }
    case .readInto:
        let bytes = [UInt8](repeating: 1, count: 4096)
        var memory = bytes
        for _ in 0..<count {
            try await peer.write(bytes)
            var span = memory.mutableSpan
            var rest = unsafe span.mutableBytes
            _ = try await reader.read(into: &rest)
        }
    default:
        let bytes = [UInt8](repeating: 1, count: 16_384)
        for _ in 0..<count {
            try await peer.write(bytes)
            _ = try await reader.readExactly(bytes.count)
        }
    }
    measure.report("bytes-\(work.rawValue)", operations: count)
    writer.abort()
    isOver.set()
    server.close()
    server.abortClients()
}

/// Encodes and sends the same frame several times at once, and reads these frames, for each block.
private func pass<Codec: FrameCodec>(
    _ frame: Codec.Frame, _ codec: Codec, from writer: StreamWriter, to reader: StreamReader, blocks: Int, of size: Int
) async throws {
    let frames = reader.frames(codec).makeAsyncIterator()
    for _ in 0..<blocks {
        var bytes: [UInt8] = []
        for _ in 0..<size { bytes += try codec.encode(frame) }
        try await writer.write(bytes)
        for _ in 0..<size { _ = try await frames.next() }
    }
}

/// Reads as many bytes as the memory holds, into its beginning. Nothing is allocated, no matter in how many pieces the
/// bytes arrive.
private func drain(_ reader: StreamReader, into memory: inout [UInt8]) async throws {
    var count = 0
    while count < memory.count {
        var span = memory.mutableSpan
        var bytes = unsafe span.mutableBytes
        count += try await reader.read(into: &bytes)
    }
}

private func proxiedConnections(_ count: Int) async throws {
    let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(expectsProxyHeader: true)) {
        reader, writer in
        try await writer.write(reader.readExactly(1))
    }
    // The signature, PROXY, TCP over IPv4, 12 bytes, 192.0.2.1 to 192.0.2.2, ports 80 and 81, and a byte of data.
    let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    let header = signature + [0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 0, 81, 1]
    let measure = Measure()
    for _ in 0..<count {
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.write(header)
        guard try await reader.read() == [1] else { throw RuntimeError("no answer") }
        writer.close()
    }
    measure.report("bytes-proxy-header", operations: count)
    server.close()
    server.abortClients()
}

private final class Sender: ConnectionProtocol {
    let transport = Future<Transport>()
    func connectionMade(_ transport: Transport) throws { try self.transport.setResult(transport) }
    func dataReceived(_ bytes: [UInt8]) {}
}

private func bytesOfTransports(_ work: ByteWork, _ count: Int, in directory: String) async throws {
    let sender = Sender()
    let server = try await EventLoop.running.createServer(host: "127.0.0.1", port: 0) { sender }
    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
    let transport = try await sender.transport.value
    let measure = Measure()
    if work == .sendFile {
        let path = try await makeFile(in: directory)
        let file = try await openFile(path)
        for _ in 0..<count {
            let receiving = createTask { try await reader.readExactly(65_536) }
            try await EventLoop.running.sendFile(transport, file.descriptor)
            _ = try await receiving.value
        }
        try await file.close()
        unsafe unlink(path)
    } else {
        var memory = [UInt8](repeating: 0, count: piecesSize)
        for _ in 0..<count {
            try transport.writeLines(pieces)
            try await drain(reader, into: &memory)
        }
    }
    measure.report("bytes-\(work.rawValue)", operations: count)
    writer.abort()
    server.close()
    server.abortClients()
}

private func bytesOfFiles(_ work: ByteWork, _ count: Int, in directory: String) async throws {
    let path = try await makeFile(in: directory)
    defer { unsafe unlink(path) }
    let file = try await openFile(path, .read.updating)
    let bytes = [UInt8](repeating: 0x78, count: 65_536)
    let measure = Measure()
    switch work {
    case .communicate:
        let child = try await createSubprocess("cat", stdin: .pipe, stdout: .pipe)
        _ = try await child.communicate([UInt8](repeating: 1, count: count * 16_384))
    case .fileWrite: for _ in 0..<count { try await file.write(bytes, at: 0) }
    default: for _ in 0..<count { _ = try await readText(path) }
    }
    measure.report("bytes-\(work.rawValue)", operations: count)
    try await file.close()
}

private func makeFile(in directory: String) async throws -> String {
    let path = "\(directory)/asyncio-bench-\(getpid())"
    try await writeFile(path, [UInt8](repeating: 0x78, count: 65_536), sync: false)
    return path
}
