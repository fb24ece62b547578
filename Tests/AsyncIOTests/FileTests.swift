import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

/// Files, with each of the two backends.
@Suite(.eventLoop) struct FileTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    private func use(_ backend: FileBackend) throws { try EventLoop.running.useFileBackend(backend) }

    @Test(arguments: FileBackend.available, [File.Mode.read, .write, .append, .read.updating])
    func aDirectoryIsNoFile(backend: FileBackend, mode: File.Mode) async throws {
        try use(backend)
        let error = await #expect(throws: OSError.self) { try await openFile(directory.path, mode) }
        #expect(error?.code == .isDirectory)
        #expect("\(error!)".contains(directory.path))
        await #expect(throws: OSError.self) { try await readFile(directory.path) }
    }

    // MARK: Reading and writing

    @Test(arguments: FileBackend.available)
    func whatIsWrittenIsRead(backend: FileBackend) async throws {
        try use(backend)
        let path = directory("new")
        let file = try await openFile(path, .write.updating)
        try await file.write("one\n")
        try await file.write([])
        try await file.write(Array("two\n".utf8))
        #expect(file.position == 8)
        #expect(try file.size == 8)
        #expect(try await file.read() == [])
        #expect(try await file.seek(0) == 0)
        #expect(try await file.read(5) == Array("one\nt".utf8))
        #expect(try await file.read(100) == Array("wo\n".utf8))
        #expect(try await file.read(100) == [])
        #expect(try await file.seek(-3, from: .end) == 5)
        #expect(try await file.seek(-1, from: .current) == 4)
        #expect(try await file.read() == Array("two\n".utf8))
        try await file.close()
        #expect(try directory.content("new") == Array("one\ntwo\n".utf8))
    }

    @Test(arguments: FileBackend.available)
    func aLargeFileComesWhole(backend: FileBackend) async throws {
        try use(backend)
        // More than one portion, and not a multiple of anything.
        let bytes = pattern(9_000_001)
        try await withFile(directory("large"), .create) { try await $0.write(bytes) }
        #expect(try directory.content("large") == bytes)
        #expect(try await readFile(directory("large")) == bytes)
        directory.evict("large")
        #expect(try await readFile(directory("large")) == bytes)
        directory.evict("large")
        try await withFile(directory("large")) { file in
            for part in [bytes[..<5_000_000], bytes[5_000_000...]] {
                let read = try await file.read(5_000_000)
                #expect(read == Array(part))
            }
        }
    }

    @Test(arguments: FileBackend.available)
    func whatIsNotInMemoryIsReadFromTheDisk(backend: FileBackend) async throws {
        try use(backend)
        let bytes = pattern(300_000)
        try directory.make("cold", bytes)
        try await withFile(directory("cold")) { file in
            for step in [1, 4096, 10_000, 65_536] {
                directory.evict("cold")
                try await file.seek(0)
                var all: [UInt8] = []
                while true {
                    let part = try await file.read(step * 7)
                    if part.isEmpty { break }
                    #expect(part.count == step * 7 || all.count + part.count == bytes.count)
                    all += part
                    if all.count > 100 * step { break }
                }
                #expect(all == Array(bytes.prefix(all.count)))
            }
        }
    }

    @Test(arguments: FileBackend.available)
    func readsAndWritesAtPositionsAreIndependent(backend: FileBackend) async throws {
        try use(backend)
        let file = try await openFile(directory("records"), .create.updating)
        try await gather(0..<100) { index in
            try await file.write(pattern(100).map { $0 &+ UInt8(index) }, at: index * 100)
        }
        #expect(file.position == 0)
        let records = try await gather(0..<100) { index in try await file.read(100, at: index * 100) }
        for (index, record) in records.enumerated() { #expect(record == pattern(100).map { $0 &+ UInt8(index) }) }
        #expect(try await file.read(1_000, at: 9_990).count == 10)
        #expect(try await file.read(1_000, at: 10_000) == [])
        #expect(file.position == 0)
        await #expect(throws: ValueError.self) { _ = try await file.read(1, at: -1) }
        await #expect(throws: ValueError.self) { _ = try await file.read(-1, at: 0) }
        try await file.close()
    }

    @Test(arguments: FileBackend.available)
    func tasksThatWriteTakeTurns(backend: FileBackend) async throws {
        try use(backend)
        let file = try await openFile(directory("log"), .append)
        let other = try await openFile(directory("log"), .append)
        try await gather(0..<50) { index in
            let line = String(repeating: String(UnicodeScalar(UInt8(65 + index % 26))), count: 500) + "\n"
            try await (index.isMultiple(of: 2) ? file : other).write(line)
        }
        try await file.close()
        try await other.close()
        let lines = try directory.content("log").split(separator: 0x0A)
        #expect(lines.count == 50)
        #expect(lines.allSatisfy { $0.count == 500 && Set($0).count == 1 })
    }

    @Test(arguments: FileBackend.available)
    func aFileIsCutAndSynced(backend: FileBackend) async throws {
        try use(backend)
        let file = try await openFile(directory("cut"), .write.updating)
        try await file.write("0123456789")
        try await file.truncate(to: 4)
        #expect(file.position == 10)
        #expect(try file.size == 4)
        try await file.write("x")
        #expect(try await file.read(100, at: 0) == Array("0123".utf8) + [0, 0, 0, 0, 0, 0] + Array("x".utf8))
        try await file.seek(2)
        try await file.truncate()
        try await file.sync()
        try await file.sync(onlyData: true)
        await #expect(throws: ValueError.self) { try await file.truncate(to: -1) }
        try await file.close()
        #expect(try directory.content("cut") == Array("01".utf8))
    }

    // MARK: Lines

    @Test(arguments: FileBackend.available)
    func linesComeOneByOne(backend: FileBackend) async throws {
        try use(backend)
        let lines = ["", "a", String(repeating: "long ", count: 40_000), "ü\r", "", "last"]
        try directory.make("lines", Array(lines.joined(separator: "\n").utf8))
        var seen: [String] = []
        try await withFile(directory("lines")) { file in
            for try await line in file.lines { seen.append(line) }
            #expect(try await file.readLine() == [])
            #expect(file.position == (try file.size))
        }
        #expect(seen == lines)
    }

    @Test(arguments: FileBackend.available)
    func linesAndBytesMix(backend: FileBackend) async throws {
        try use(backend)
        try directory.make("mixed", Array("one\ntwo\nthree\nfour\n".utf8))
        let file = try await openFile(directory("mixed"), .read.updating)
        #expect(try await file.readLine() == Array("one\n".utf8))
        #expect(file.position == 4)
        #expect(try await file.read(2) == Array("tw".utf8))
        // The bytes that were read ahead are now out of date.
        try await file.write("O\nTH".utf8.map { $0 })
        #expect(try await file.readLine() == Array("ree\n".utf8))
        try await file.write(Array("FOUR".utf8), at: 14)
        #expect(try await file.readLine() == Array("FOUR\n".utf8))
        try await file.seek(4)
        #expect(try await file.read() == Array("twO\nTHree\nFOUR\n".utf8))
        try await file.close()
    }

    // MARK: Special files

    @Test(arguments: FileBackend.available)
    func devicesAndFilesWithoutASizeAreRead(backend: FileBackend) async throws {
        try use(backend)
        #expect(try await readText("/proc/self/status").contains("\nPid:\t\(getpid())\n"))
        #expect(try await readFile("/dev/null") == [])
        try await withFile("/dev/zero") { file in
            let read = try await file.read(100_000)
            #expect(read == Array(repeating: 0, count: 100_000))
        }
        let error = await #expect(throws: OSError.self) {
            try await withFile("/dev/full", .write) { try await $0.write("no room") }
        }
        #expect(error?.code == .noSpace)
        #expect(error?.description.contains("writing /dev/full") == true)
    }

    @Test(arguments: FileBackend.available)
    func aPipeGivesWhatItHas(backend: FileBackend) async throws {
        try use(backend)
        mkfifo(directory("pipe"), 0o600)
        async let opened = openFile(directory("pipe"))
        let writer = try await openFile(directory("pipe"), .write)
        let reader = try await opened
        try await writer.write("some\nmore")
        #expect(try await reader.readLine() == Array("some\n".utf8))
        #expect(try await reader.read(100) == Array("more".utf8))
        await #expect(throws: OSError.self) { try await reader.seek(0) }
        await #expect(throws: OSError.self) { _ = try await reader.read(1, at: 0) }
        let rest = createTask { try await reader.read() }
        try await writer.write("and the rest")
        try await writer.close()
        #expect(try await rest.value == Array("and the rest".utf8))
        #expect(reader.position == 21)
        try await reader.close()
    }

    // MARK: Misuse

    @Test(arguments: FileBackend.available)
    func errorsNameThePath(backend: FileBackend) async throws {
        try use(backend)
        try directory.make("there", [])
        let cases: [(String, File.Mode, Errno)] = [
            (directory("missing"), .read, .noSuchFileOrDirectory),
            (directory("missing/file"), .write, .noSuchFileOrDirectory),
            (directory("there"), .create, .fileExists),
            (directory("there/file"), .read, .notDirectory),
            (directory.path, .write, .isDirectory),
        ]
        for (path, mode, code) in cases {
            let error = await #expect(throws: OSError.self) { _ = try await openFile(path, mode) }
            #expect(error?.code == code)
            #expect(error?.description.hasPrefix("opening \(path): ") == true)
        }
        let error = await #expect(throws: OSError.self) { _ = try await readFile(directory.path) }
        #expect(error?.code == .isDirectory)
        #expect(error?.operation == "opening \(directory.path)")
        await #expect(throws: ValueError.self) { _ = try await openFile("zero\0byte") }
        await #expect(throws: ValueError.self) {
            _ = try await openFile(directory("x"), .write, permissions: FilePermissions(rawValue: 0o10000))
        }
    }

    @Test(arguments: FileBackend.available)
    func aFileDoesWhatItWasOpenedFor(backend: FileBackend) async throws {
        try use(backend)
        let path = try directory.make("file", Array("abc".utf8))
        try await withFile(path) { file in
            let error = await #expect(throws: ValueError.self) { try await file.write("x") }
            #expect(error?.message == "write() on a file opened with mode rb, not for writing: \(path)")
            await #expect(throws: ValueError.self) { try await file.truncate() }
        }
        try await withFile(path, .append) { file in
            #expect(file.position == 3)
            await #expect(throws: ValueError.self) { _ = try await file.read() }
            await #expect(throws: ValueError.self) { try await file.write([1], at: 0) }
        }
        #expect(try directory.content("file") == Array("abc".utf8))
    }

    @Test(arguments: FileBackend.available)
    func aClosedFileSaysSo(backend: FileBackend) async throws {
        try use(backend)
        let path = try directory.make("file", Array("abc".utf8))
        let file = try await openFile(path, .read.updating)
        try await file.close()
        try await file.close()
        #expect(file.isClosed)
        #expect(file.descriptor == -1)
        let error = await #expect(throws: ValueError.self) { _ = try await file.read() }
        #expect(error?.message == "read() on a closed file: \(path)")
        await #expect(throws: ValueError.self) { _ = try await file.read(1, at: 0) }
        await #expect(throws: ValueError.self) { _ = try await file.readLine() }
        await #expect(throws: ValueError.self) { try await file.write("x") }
        await #expect(throws: ValueError.self) { try await file.write([1], at: 0) }
        await #expect(throws: ValueError.self) { try await file.seek(0) }
        await #expect(throws: ValueError.self) { try await file.truncate() }
        await #expect(throws: ValueError.self) { try await file.sync() }
        #expect(throws: ValueError.self) { _ = try file.size }
    }

    @Test func aFileThatNobodyClosedIsReportedAndClosed() async throws {
        let loop = try EventLoop.running
        let log = Log()
        loop.setExceptionHandler { log("\($0.message) \($0.subject ?? "")") }
        let path = try directory.make("file", [])
        _ = try await readFile(path)
        let before = Process.descriptors
        do { _ = try await openFile(path) }
        #expect(log.lines == ["unclosed file; call close() on it, or use withFile \(path)"])
        #expect(Process.opened(since: before) == [])
    }

    @Test func aFileBelongsToItsLoop() async throws {
        let file = try await openFile(try directory.make("file", [1, 2, 3]))
        // SAFETY: this loop waits while the other runs on the same thread.
        nonisolated(unsafe) let lent = file
        try atTopLevel {
            try AsyncIO.run {
                let error = await #expect(throws: RuntimeError.self) { try await lent.sync() }
                #expect(error?.message.contains("belongs to another event loop") == true)
            }
        }
        try await file.close()
    }

    @Test(arguments: FileBackend.available)
    func nothingIsLeftOpen(backend: FileBackend) async throws {
        try use(backend)
        let path = try directory.make("file", pattern(1000))
        _ = try await readFile(path)
        let before = Process.descriptors
        for _ in 0..<200 {
            _ = try await readFile(path)
            _ = try? await openFile(directory("missing"))
            _ = try? await withFile(path) { _ in throw TestError() }
            try await writeFile(path, pattern(1000), sync: false)
        }
        #expect(Process.opened(since: before) == [])
    }

    // MARK: Concurrency

    @Test(arguments: FileBackend.available)
    func othersRunWhileAFileIsRead(backend: FileBackend) async throws {
        try use(backend)
        let path = try directory.make("file", pattern(3_000_000))
        var turns = 0
        let counter = createTask {
            while true {
                try await sleep(.zero)
                turns += 1
            }
        }
        try await withFile(path) { file in while try await !file.read(10_000).isEmpty {} }
        // All of it is in memory, but it was read in limited portions.
        #expect(turns >= 5)
        counter.cancel()
    }

    @Test(arguments: FileBackend.available)
    func filesWorkOnEveryPollerAndInVirtualTime(backend: FileBackend) throws {
        let path = directory("file")
        func body() async throws {
            try use(backend)
            try await writeFile(path, pattern(100_000), sync: false)
            directory.evict("file")
            #expect(try await readFile(path) == pattern(100_000))
            try await withFile(path, .append) { try await $0.write("more") }
        }
        try atTopLevel {
            try AsyncIO.run(backend: .epoll) { try await body() }
            if BackendTests.hasUring { try AsyncIO.run(backend: .ioUring) { try await body() } }
        }
        try runInVirtualTime {
            let timer = createTask { try await sleep(.seconds(3600)) }
            try await body()
            // Virtual time does not pass while the system is working.
            #expect(!timer.isDone)
            try await timer.value
        }
    }
}
