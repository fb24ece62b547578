import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite struct DescriptorTests {
    @Test func aReaderRunsInEachTurnInWhichThereIsSomethingToRead() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            var calls = 0
            try loop.addReader(pipe.reader) {
                calls += 1
                if calls == 3 { loop.stop() }
            }
            pipe.send()
            try loop.runForever()
            #expect(calls == 3)
        }
    }

    @Test func aDescriptorMayBeANumberOrAValueOfSwiftSystem() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            var isReadable = false
            try loop.addReader(FileDescriptor(rawValue: pipe.reader)) {
                isReadable = true
                loop.stop()
            }
            pipe.send()
            try loop.runForever()
            #expect(isReadable)
            let wasRemoved = try loop.removeReader(pipe.reader)
            #expect(wasRemoved)
        }
    }

    @Test func aWriterRunsWhenThereIsRoom() throws {
        let pipe = try Pipe()
        pipe.fill()
        try withLoop { loop in
            var hasRoom = false
            try loop.addWriter(pipe.writer) {
                hasRoom = true
                loop.stop()
            }
            try loop.callLater(.milliseconds(1)) {
                #expect(!hasRoom)
                pipe.drain()
            }
            try loop.runForever()
            #expect(hasRoom)
        }
    }

    @Test func aNewReaderReplacesTheOldOneAndKeepsTheWriter() throws {
        let sockets = try SocketPair()
        try withLoop { loop in
            let log = Log()
            weak var old: Witness?
            do {
                let witness = Witness()
                old = witness
                try loop.addReader(sockets.left) { _ = witness }
            }
            try loop.addWriter(sockets.left) {
                log("writer")
                try loop.removeWriter(sockets.left)
            }
            try loop.addReader(sockets.left) {
                log("new reader")
                loop.stop()
            }
            #expect(old == nil)
            sockets.send(from: sockets.right)
            try loop.runForever()
            #expect(log.lines.sorted() == ["new reader", "writer"])
        }
    }

    @Test func forOneDescriptorReadingComesBeforeWriting() throws {
        let sockets = try SocketPair()
        try withLoop { loop in
            let log = Log()
            try loop.addWriter(sockets.left) {
                log("writer")
                loop.stop()
            }
            try loop.addReader(sockets.left) { log("reader") }
            sockets.send(from: sockets.right)
            try loop.runForever()
            #expect(log.lines == ["reader", "writer"])
        }
    }

    @Test func removingSaysWhetherThereWasOneAndKeepsTheOther() throws {
        let sockets = try SocketPair()
        try withLoop { loop in
            #expect(try loop.removeReader(sockets.left) == false)
            try loop.addReader(sockets.left) { Issue.record("removed") }
            try loop.addWriter(sockets.left) { loop.stop() }
            #expect(try loop.removeReader(sockets.left))
            #expect(try loop.removeReader(sockets.left) == false)
            sockets.send(from: sockets.right)
            try loop.runForever()
            #expect(try loop.removeWriter(sockets.left))
            #expect(try loop.removeWriter(sockets.left) == false)
        }
    }

    @Test func aReaderThatWasRemovedInTheSameTurnDoesNotRun() throws {
        let (first, second) = (try Pipe(), try Pipe())
        try withLoop { loop in
            var calls = 0
            for (pipe, other) in [(first, second), (second, first)] {
                try loop.addReader(pipe.reader) {
                    calls += 1
                    try loop.removeReader(other.reader)
                    loop.stop()
                }
            }
            first.send()
            second.send()
            try loop.runForever()
            #expect(calls == 1)
        }
    }

    @Test func aNumberThatIsUsedAgainBelongsToItsNewOwner() throws {
        try withLoop { loop in
            let log = Log()
            var old: Pipe? = try Pipe()
            let number = try #require(old?.reader)
            try loop.addReader(number) { log("old") }
            old?.send()
            try loop.removeReader(number)
            old = nil
            let new = try Pipe()
            try loop.addReader(new.reader) {
                log("new")
                loop.stop()
            }
            new.send()
            try loop.runForever()
            #expect(log.lines == ["new"])
        }
    }

    @Test func aClosedLoopRefusesReadersAndHasNoneToRemove() throws {
        let pipe = try Pipe()
        try withLoop { loop in
            try loop.close()
            #expect(throws: RuntimeError.self) { try loop.addReader(pipe.reader) {} }
            #expect(throws: RuntimeError.self) { try loop.addWriter(pipe.writer) {} }
            #expect(try loop.removeReader(pipe.reader) == false)
            #expect(try loop.removeWriter(pipe.writer) == false)
        }
    }

    @Test func whatIsNoDescriptorIsRefused() throws {
        try withLoop { loop in
            #expect(throws: ValueError.self) { try loop.addReader(Int32(-1)) {} }
            #expect(throws: ValueError.self) { try loop.addWriter(Int32(-1)) {} }
            let wasRemoved = try loop.removeReader(Int32(-1))
            #expect(!wasRemoved)
            let error = #expect(throws: OSError.self) { try loop.addReader(Int32(1_000_000)) {} }
            #expect(error?.code == .badFileDescriptor)
        }
    }

    @Test func aConnectionsDescriptorCannotBeTaken() async throws {
        let loop = try EventLoop.running
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let port = server.port
        let (_, writer) = try await openConnection(host: "127.0.0.1", port: port)
        let owned = (Int32(3)..<1_024).filter { peerPort(of: $0) == port }
        #expect(owned.count == 1)
        for descriptor in owned {
            #expect(throws: RuntimeError.self) { try loop.addReader(descriptor) {} }
            #expect(throws: RuntimeError.self) { try loop.addWriter(descriptor) {} }
            #expect(throws: RuntimeError.self) { try loop.removeReader(descriptor) }
            #expect(throws: RuntimeError.self) { try loop.removeWriter(descriptor) }
        }
        writer.close()
        server.close()
    }

    /// The port that an IPv4 socket is connected to; nil if it is not connected over IPv4.
    private func peerPort(of descriptor: Int32) -> Int? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: an IPv4 address fits, and any other is truncated.
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length)
            }
        }
        guard result == 0, address.sin_family == sa_family_t(AF_INET) else { return nil }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Two connected sockets, which are closed on deallocation.
final class SocketPair {
    private(set) var left: Int32
    let right: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw POSIXError() }
        (left, right) = (ends[0], ends[1])
    }

    func send(from end: Int32, _ byte: UInt8 = 1) {
        _ = withUnsafeBytes(of: byte) { write(end, $0.baseAddress, 1) }
    }

    func closeLeft() {
        if left >= 0 { close(left) }
        left = -1
    }

    deinit {
        if left >= 0 { close(left) }
        close(right)
    }
}
