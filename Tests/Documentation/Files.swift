// The code of Sources/AsyncIO/AsyncIO.docc/ReadingAndWritingFiles.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop) struct Files {
    let folder = "/tmp/asyncio-documentation-\(UInt64.random(in: 0...UInt64.max))"

    func inFolder(_ body: () async throws -> Void) async throws {
        try await createSubprocess("mkdir", arguments: [folder]).wait()
        try await body()
        try await createSubprocess("rm", arguments: ["-r", folder]).wait()
    }

    @Test func whole() async throws {
        try await inFolder {
            let path = folder + "/settings"
            try await writeFile(path, "color = green\n") // all or nothing, on the disk when it returns
            let settings = try await readText(path)
            #expect(settings == "color = green\n")
        }
    }

    @Test func lines() async throws {
        try await inFolder {
            let path = folder + "/log"
            try await writeFile(path, "good\nerror: bad\ngood\n", sync: false)
            let errors = try await withFile(path) { file in
                var count = 0
                for try await line in file.lines where line.hasPrefix("error") { count += 1 }
                return count
            }
            #expect(errors == 1)
        }
    }

    @Test func atOffsets() async throws {
        try await inFolder {
            let path = folder + "/table"
            try await withFile(path, .create.updating) { file in
                try await file.truncate(to: 1_024)
                try await file.write(Array("record 7".utf8), at: 7 * 64)
                let record = try await file.read(8, at: 7 * 64)
                try await file.sync()
                print(String(decoding: record, as: UTF8.self), file.position)
            }
        }
    }

    @Test func appending() async throws {
        try await inFolder {
            let path = folder + "/log"
            let log = try await openFile(path, .append)
            try await gather(1...3) { number in try await log.write("line \(number)\n") }
            try await log.close()
            #expect(try await readText(path).split(separator: "\n").count == 3)
        }
    }

    func sending(_ transport: Transport, _ path: String) async throws {
        let loop = try EventLoop.running
        let count = try await withFile(path) { file in
            try await loop.sendFile(transport, file)
        }
        print(count)
    }
}
