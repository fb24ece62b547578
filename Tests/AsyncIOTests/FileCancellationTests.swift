import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// The effects of cancelled operations.
@Suite(.eventLoop) struct FileCancellationTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    private func use(_ backend: FileBackend) throws { try EventLoop.running.useFileBackend(backend) }

    @Test(arguments: FileBackend.available)
    func aCancelledReadLosesNothing(backend: FileBackend) async throws {
        try use(backend)
        let bytes = pattern(2_000_000)
        try directory.make("file", bytes)
        let file = try await openFile(directory("file"))
        var all: [UInt8] = []
        for _ in 0..<20 {
            directory.evict("file")
            let read = createTask { try await file.read(100_000) }
            try await sleep(.zero)
            read.cancel()
            do { all += try await read.value } catch is CancellationError {}
            #expect(file.position == all.count)
        }
        all += try await file.read()
        #expect(all == bytes)
        try await file.close()
    }

    @Test(arguments: FileBackend.available)
    func aCancelledWriteHasWrittenWhatThePositionSays(backend: FileBackend) async throws {
        try use(backend)
        let bytes = pattern(9_000_000)
        var interrupted = 0
        for _ in 0..<10 {
            let file = try await openFile(directory("file"), .write)
            let write = createTask { try await file.write(bytes) }
            for _ in 0..<Int.random(in: 1...3) { try await sleep(.zero) }
            write.cancel()
            do { try await write.value } catch is CancellationError { interrupted += 1 }
            // Nothing continues in the background.
            #expect(try file.size == file.position)
            #expect(try directory.content("file") == Array(bytes.prefix(file.position)))
            try await file.close()
        }
        #expect(interrupted > 0)
    }

    @Test(arguments: FileBackend.available)
    func whoWaitsForATurnLeavesNoTrace(backend: FileBackend) async throws {
        try use(backend)
        // The pipe is full, so the first writer waits as long as needed.
        mkfifo(directory("pipe"), 0o600)
        let file = try await openFile(directory("pipe"), .read.updating)
        let other = open(directory("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(other) }
        let first = createTask { try await file.write(pattern(100_000)) }
        let second = createTask { try await file.write("never") }
        let third = createTask { try await file.write("third") }
        try await sleep(.milliseconds(5))
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        #expect(!first.isDone)

        var bytes: [UInt8] = []
        while bytes.count < 100_005 {
            var part = [UInt8](repeating: 0, count: 65_536)
            let count = read(other, &part, part.count)
            if count > 0 { bytes += part[..<count] } else { try await sleep(.milliseconds(1)) }
        }
        try await first.value
        try await third.value
        #expect(bytes == pattern(100_000) + Array("third".utf8))
        try await file.close()
    }

    @Test(arguments: FileBackend.available)
    func whatIsInFlightIsDoneBeforeTheFileIsClosed(backend: FileBackend) async throws {
        try use(backend)
        let file = try await openFile(directory("file"), .write)
        let writes = (0..<20).map { index in createTask { try await file.write(pattern(100_000), at: index * 100_000) }
        }
        try await sleep(.zero)
        try await file.close()
        #expect(fcntl(file.descriptor, F_GETFD) == -1)
        for write in writes { try await write.value }
        #expect(try directory.content("file").count == 2_000_000)
    }

    @Test(arguments: FileBackend.available)
    func aCancelledCloseClosesAllTheSame(backend: FileBackend) async throws {
        try use(backend)
        _ = try await readFile("/dev/null")
        let before = Process.descriptors
        for _ in 0..<20 {
            let file = try await openFile(directory("file"), .write)
            let write = createTask { try await file.write(pattern(500_000)) }
            try await sleep(.zero)
            let close = createTask { try await file.close() }
            try await sleep(.zero)
            close.cancel()
            _ = try? await close.value
            try await write.value
            #expect(file.isClosed)
            await #expect(throws: ValueError.self) { try await file.write("x") }
        }
        #expect(Process.opened(since: before) == [])
    }

    @Test(arguments: FileBackend.available)
    func aCancelledOpeningLeavesNoDescriptor(backend: FileBackend) async throws {
        try use(backend)
        try directory.make("file", [])
        _ = try await readFile("/dev/null")
        let before = Process.descriptors
        for _ in 0..<100 {
            let opening = createTask { try await openFile(directory("file"), .write) }
            try await sleep(.zero)
            opening.cancel()
            do { try await opening.value.close() } catch is CancellationError {}
        }
        // Files that were opened anyway are closed in the background.
        try await untilNothingIsOpen(since: before)
    }

    @Test(arguments: FileBackend.available)
    func whoWaitsForAPipeCanLeave(backend: FileBackend) async throws {
        try use(backend)
        mkfifo(directory("pipe"), 0o600)
        _ = try await readFile("/dev/null")
        let before = Process.descriptors
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(20)) { _ = try await openFile(directory("pipe")) }
        }
        // A thread may still be in the system call. A process at the other end releases it.
        let other = open(directory("pipe"), O_RDWR | O_CLOEXEC)
        try await untilNothingIsOpen(since: before, but: other)

        let reader = try await openFile(directory("pipe"))
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(20)) { _ = try await reader.read(10) }
        }
        // Closing does not wait for a read that may never end, nor close the descriptor while it is
        // in use.
        try await reader.close()
        _ = write(other, "x", 1)
        try await untilNothingIsOpen(since: before, but: other)
        close(other)
    }

    @Test(arguments: FileBackend.available)
    func plainTasksAreCancelledToo(backend: FileBackend) async throws {
        try use(backend)
        mkfifo(directory("pipe"), 0o600)
        let reading = Task { try await openFile(directory("pipe"), .read.updating).read(1) }
        try await sleep(.milliseconds(5))
        reading.cancel()
        await #expect(throws: CancellationError.self) { _ = try await reading.value }
        // Releases the read, if a thread performs it.
        let other = open(directory("pipe"), O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        _ = write(other, "x", 1)
        close(other)
    }

    @Test(arguments: FileBackend.available)
    func aMessageOfTheCancellationArrives(backend: FileBackend) async throws {
        try use(backend)
        let file = try await openFile(directory("file"), .write)
        let write = createTask { () -> String? in
            do { try await file.write(pattern(9_000_000)) } catch is CancellationError {
                return currentTask()?.cancelMessage
            }
            return "too late"
        }
        try await sleep(.zero)
        write.cancel("stop")
        #expect(try await write.value == "stop")
        try await file.close()
    }

    @Test(arguments: FileBackend.available)
    func aRunEndsAfterItsFiles(backend: FileBackend) throws {
        try atTopLevel {
            try AsyncIO.run {
                try use(backend)
                // No one waits for it, and the end of `run` cancels it.
                createTask {
                    try await withFile(directory("file"), .write) { try await $0.write(pattern(9_000_000)) }
                }
                try await eventually { access(directory("file"), F_OK) == 0 }
            }
        }
        let size = try directory.content("file").count
        usleep(2_000)
        #expect(try directory.content("file").count == size)
    }

    private func untilNothingIsOpen(since before: Set<String>, but other: Int32? = nil) async throws {
        func opened() -> Set<String> {
            Process.opened(since: before).filter { descriptor in
                !(other.map { descriptor.hasPrefix("\($0) ") } ?? false)
            }
        }
        try await eventually { opened().isEmpty }
        if let other { #expect(fcntl(other, F_GETFD) >= 0) }
    }
}
