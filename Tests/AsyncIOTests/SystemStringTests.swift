import AsyncIO
import AsyncIOTesting
import Foundation
import SystemPackage
import Testing

/// Strings that the system treats as bytes are passed on as bytes.
@Suite(.eventLoop) struct SystemStringTests {
    let directory: Directory
    /// Not UTF-8: "für" in Latin-1.
    private let latin: [UInt8] = [0x66, 0xFC, 0x72]

    init() throws { directory = try Directory() }

    private var name: SystemString { SystemString(bytes: Array(directory("").utf8) + latin) }

    private var path: FilePath { FilePath(platformString: name.bytes.map { CChar(bitPattern: $0) } + [0]) }

    /// The names in the directory, as the kernel returns them.
    private var names: [[UInt8]] {
        guard let stream = unsafe opendir(directory.path) else { return [] }
        defer { unsafe closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
        }
        return names
    }

    @Test(arguments: FileBackend.available)
    func aFileWhoseNameIsNotUTF8IsWrittenAndRead(backend: FileBackend) async throws {
        try EventLoop.running.useFileBackend(backend)
        try await writeFile(name, "one")
        #expect(names == [latin])
        #expect(try await readText(path) == "one")
        try await withFile(path, .append) { file in
            #expect(file.path == "\(directory.path)/f\u{FFFD}r")
            try await file.write(" two")
        }
        #expect(try await readFile(name) == Array("one two".utf8))
        try await withReplacement(of: path) { file in try await file.write("three") }
        #expect(try await readText(name) == "three")
        #expect(names == [latin])
    }

    @Test func anErrorNamesTheFileReadably() async throws {
        let error = await #expect(throws: OSError.self) { try await readText(name) }
        #expect(error?.code == .noSuchFileOrDirectory)
        #expect("\(error!)".contains("f\u{FFFD}r"))
        await #expect(throws: ValueError.self) { try await readText(SystemString(bytes: [0x61, 0, 0x62])) }
    }

    @Test func textsAreEqualIfTheirBytesAre() {
        #expect(SystemString("für") == "für")
        #expect(SystemString(bytes: latin) != "f\u{FFFD}r")
        // Swift's strings are equal if they look the same. File names are not.
        #expect("\u{FC}" == "u\u{308}")
        #expect(SystemString("\u{FC}") != SystemString("u\u{308}"))
        #expect(SystemString(FilePath("/a/b")) == "/a/b")
    }

    @Test func aChildGetsArgumentsAndValuesAsTheyAre() async throws {
        let script = #"printf %s "$1" | od -An -tx1; printf %s "$VALUE" | od -An -tx1"#
        let process = try await createSubprocess(
            "sh", arguments: ["-c", script, "sh", SystemString(bytes: latin)], stdout: .pipe,
            options: .init(environment: ["VALUE": SystemString(bytes: latin.reversed()), "PATH": "/bin:/usr/bin"]))
        let output = try await process.communicate().stdout ?? []
        #expect(String(decoding: output, as: UTF8.self) == " 66 fc 72\n 72 fc 66\n")
    }

    @Test func aChildInheritsValuesAsTheyAre() async throws {
        let variable = "ASYNCIO_TEST_LATIN"
        #expect(setenv(variable, latin.map { CChar(bitPattern: $0) } + [0], 1) == 0)
        defer { unsetenv(variable) }
        #expect(AsyncSubprocess.inheritedEnvironment[variable] == "f\u{FFFD}r")
        #expect(AsyncSubprocess.inheritedSystemEnvironment[variable]?.bytes == latin)
        for environment in [nil, AsyncSubprocess.inheritedSystemEnvironment] {
            let process = try await createSubprocess(
                shell: #"printf %s "$ASYNCIO_TEST_LATIN" | od -An -tx1"#, stdout: .pipe,
                options: .init(environment: environment))
            let output = try await process.communicate().stdout ?? []
            #expect(String(decoding: output, as: UTF8.self) == " 66 fc 72\n")
        }
    }

    @Test func aChildStartsInADirectoryAndFromAFileWhoseNamesAreNotUTF8() async throws {
        #expect(unsafe path.withPlatformString { unsafe mkdir($0, 0o755) } == 0)
        let program = SystemString(bytes: name.bytes + Array("/run".utf8))
        try await writeFile(
            program, "#!/bin/sh\nread line < file && echo $line\n", permissions: FilePermissions(rawValue: 0o755))
        try await writeFile(SystemString(bytes: name.bytes + Array("/file".utf8)), "here\n")
        let process = try await createSubprocess(program, stdout: .pipe, options: .init(directory: path))
        #expect(try await process.communicate().stdout == Array("here\n".utf8))
    }

    @Test func aUnixServerListensAtAPathThatIsNotUTF8() async throws {
        let server = try await startServer(on: .unix(path: path)) { reader, writer in
            try await writer.write(try await reader.readLine())
        }
        #expect(names == [latin])
        let (reader, writer) = try await openConnection(to: .unix(path: name))
        try await writer.write("hello\n")
        #expect(try await reader.readLine() == Array("hello\n".utf8))
        writer.close()
        try await writer.waitClosed()
        server.close()
        try await server.waitClosed()
        // Only the server's own file is removed.
        #expect(names == [])
    }

    @Test func anAbstractNameMayBeAnyBytes() async throws {
        let name = SystemString(bytes: [0] + latin + Array("\(getpid())".utf8))
        let server = try await startServer(on: .unix(path: name)) { _, writer in try await writer.write("abstract") }
        let (reader, writer) = try await openConnection(to: .unix(path: name))
        #expect(try await reader.read() == Array("abstract".utf8))
        writer.close()
        server.close()
    }
}
