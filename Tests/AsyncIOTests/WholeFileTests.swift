import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite(.eventLoop) struct WholeFileTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    private func permissions(_ name: String) -> Int {
        var facts = stat()
        return lstat(directory(name), &facts) == 0 ? Int(facts.st_mode) : -1
    }

    @Test(arguments: FileBackend.available, [true, false])
    func aFileIsReplacedAsAWhole(backend: FileBackend, sync: Bool) async throws {
        try EventLoop.running.useFileBackend(backend)
        let path = directory("file")
        try await writeFile(path, "grüß dich", sync: sync)
        #expect(try await readText(path) == "grüß dich")
        try await writeFile(path, pattern(5_000_000), sync: sync)
        #expect(try await readFile(path) == pattern(5_000_000))
        try await writeFile(path, [], sync: sync)
        #expect(try await readFile(path) == [])
        #expect(directory.names == ["file"])
    }

    @Test(arguments: FileBackend.available, [false, true])
    func aLinkThatLeadsNowhereYetGetsItsTarget(backend: FileBackend, inSteps: Bool) async throws {
        try EventLoop.running.useFileBackend(backend)
        mkdir(directory("sub"), 0o755)
        symlink(directory("absolute-target"), directory("absolute"))
        symlink("relative-target", directory("relative"))
        symlink("../from-sub", directory("sub/link"))
        symlink("sub/link", directory("chain"))
        for (link, target) in [
            ("absolute", "absolute-target"), ("relative", "relative-target"), ("chain", "from-sub"),
        ] {
            if inSteps {
                try await withReplacement(of: directory(link)) { file in try await file.write(link) }
            } else {
                try await writeFile(directory(link), link)
            }
            #expect(permissions(link) & Int(S_IFMT) == Int(S_IFLNK))
            #expect(try await readText(directory(target)) == link)
        }
        // Once the file exists, it is replaced.
        try await writeFile(directory("chain"), "again")
        #expect(try await readText(directory("from-sub")) == "again")
        #expect(directory.names.filter { $0.hasPrefix(".asyncio") } == [])
    }

    @Test func linksThatLeadInACircleOrToAMissingDirectoryAreErrors() async throws {
        symlink("two", directory("one"))
        symlink("one", directory("two"))
        symlink("missing/file", directory("far"))
        for (name, code) in [("one", Errno.tooManySymbolicLinkLevels), ("far", .noSuchFileOrDirectory)] {
            let error = await #expect(throws: OSError.self) { try await writeFile(directory(name), "text") }
            #expect(error?.code == code)
        }
        #expect(directory.names == ["far", "one", "two"])
    }

    @Test func aNewFileHasThePermissionsThatWereAskedForAndAnOldOneKeepsIts() async throws {
        let mask = umask(0o022)
        defer { umask(mask) }
        try await writeFile(directory("file"), "a")
        #expect(permissions("file") & 0o7777 == 0o644)
        chmod(directory("file"), 0o640)
        try await writeFile(directory("file"), "b")
        #expect(permissions("file") & 0o7777 == 0o640)
        try await writeFile(directory("secret"), "c", permissions: .ownerReadWrite)
        #expect(permissions("secret") & 0o7777 == 0o600)
    }

    @Test func whoHasTheOldFileOpenKeepsIt() async throws {
        try directory.make("file", Array("old".utf8))
        let old = try await openFile(directory("file"))
        try await writeFile(directory("file"), "new")
        #expect(try await old.read() == Array("old".utf8))
        #expect(try await readText(directory("file")) == "new")
        try await old.close()
    }

    @Test func aLinkStaysAndWhatItNamesIsReplaced() async throws {
        try directory.make("target", Array("old".utf8))
        symlink("target", directory("link"))
        try await writeFile(directory("link"), "new")
        #expect(permissions("link") & Int(S_IFMT) == Int(S_IFLNK))
        #expect(try directory.content("target") == Array("new".utf8))
    }

    @Test func aPathWithoutADirectoryIsInTheWorkingDirectory() async throws {
        let old = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer {
            fchdir(old)
            close(old)
        }
        chdir(directory.path)
        try await writeFile("here", "x")
        #expect(try await readText("here") == "x")
        #expect(directory.names == ["here"])
    }

    @Test func whatCannotBeReplacedStaysAndTheErrorNamesIt() async throws {
        for (path, code) in [
            (directory("missing/file"), Errno.noSuchFileOrDirectory), ("/dev/null", .invalidArgument),
            (directory.path, .isDirectory),
        ] {
            let error = await #expect(throws: OSError.self) { try await writeFile(path, "x") }
            #expect(error?.code == code)
            #expect(error?.operation == "writing \(path)")
        }
        #expect(directory.names == [])
        await #expect(throws: ValueError.self) { try await writeFile("zero\0byte", "x") }
    }

    @Test(arguments: FileBackend.available)
    func aCancelledWriteLeavesOneContentOrTheOther(backend: FileBackend) async throws {
        try EventLoop.running.useFileBackend(backend)
        let (old, new) = (pattern(100), pattern(20_000_000))
        var outcomes: Set<Bool> = []
        for delay in 0..<12 {
            try directory.make("file", old)
            let write = createTask { try await writeFile(directory("file"), new, sync: false) }
            try await sleep(.milliseconds(delay))
            write.cancel()
            _ = try? await write.value
            let content = try directory.content("file")
            #expect(content == old || content == new)
            outcomes.insert(content == new)
            #expect(directory.names == ["file"])
        }
        #expect(outcomes.contains(false))
    }

    @Test func aKilledProgramLeavesOneContentOrTheOther() async throws {
        for delay in [20, 50, 90] {
            let path = directory("file")
            let program = try await Program.run("top-level-program", ["writes", path, "\(delay)"])
            #expect(program.status == -SIGKILL)
            let content = try directory.content("file")
            #expect(content.count == 1_000_000)
            #expect(content.allSatisfy { $0 == content[0] })
        }
    }
}
