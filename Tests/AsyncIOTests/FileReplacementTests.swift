import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite(.eventLoop) struct FileReplacementTests {
    let directory: Directory

    init() throws { directory = try Directory() }

    @Test(arguments: FileBackend.available, [true, false])
    func theNewContentIsThereWhenTheBodyHasEndedAndNotBefore(backend: FileBackend, sync: Bool) async throws {
        try EventLoop.running.useFileBackend(backend)
        let path = directory("file")
        try directory.make("file", Array("old".utf8))
        chmod(path, 0o640)
        let before = Process.descriptors
        let count = try await withReplacement(of: path, sync: sync) { file in
            for part in ["one ", "two ", "three"] {
                try await file.write(part)
                #expect(try await readText(path) == "old")
            }
            #expect(try await file.read(3, at: 4) == Array("two".utf8))
            return file.position
        }
        #expect(count == 13)
        #expect(try await readText(path) == "one two three")
        #expect(directory.names == ["file"])
        #expect(Process.opened(since: before) == [])
        var facts = stat()
        stat(path, &facts)
        #expect(facts.st_mode & 0o777 == 0o640)
    }

    @Test(arguments: FileBackend.available)
    func aBodyThatThrowsLeavesWhatWasThere(backend: FileBackend) async throws {
        try EventLoop.running.useFileBackend(backend)
        try directory.make("file", Array("old".utf8))
        let before = Process.descriptors
        for name in ["file", "other"] {
            await #expect(throws: Boom(1)) {
                try await withReplacement(of: directory(name)) { file in
                    try await file.write("half")
                    #expect(directory.names.count == 2)
                    throw Boom(1)
                }
            }
        }
        #expect(directory.names == ["file"])
        #expect(try await readText(directory("file")) == "old")
        #expect(Process.opened(since: before) == [])
    }

    @Test(arguments: FileBackend.available, 0...5)
    func aCancellationAnywhereLeavesOneOrTheOther(backend: FileBackend, turns: Int) async throws {
        try EventLoop.running.useFileBackend(backend)
        try directory.make("file", Array("old".utf8))
        let before = Process.descriptors
        let task = createTask {
            try await withReplacement(of: directory("file")) { file in
                try await file.write([UInt8](repeating: 65, count: 3))
                try await sleep(.zero)
            }
        }
        for _ in 0..<turns { try await sleep(.zero) }
        task.cancel()
        _ = try await gatherResults([task])
        #expect(["old", "AAA"].contains(try await readText(directory("file"))))
        #expect(directory.names == ["file"])
        #expect(Process.opened(since: before) == [])
    }

    @Test func whatCannotBeReplacedIsNamed() async throws {
        for (path, code) in [("/dev/null", Errno.invalidArgument), (directory("no/file"), .noSuchFileOrDirectory)] {
            let error = await #expect(throws: OSError.self) {
                try await withReplacement(of: path) { _ in Issue.record("there is no file to write to") }
            }
            #expect(error?.code == code)
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test func aSymbolicLinkStays() async throws {
        try directory.make("file", Array("old".utf8))
        symlink("file", directory("link"))
        try await withReplacement(of: directory("link")) { file in try await file.write("new") }
        #expect(try await readText(directory("file")) == "new")
        #expect(directory.names == ["file", "link"])
    }
}
